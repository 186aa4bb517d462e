"""What a cohort is made of: folders, CSV files and datasets, as items with ids, labels and columns."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from xai_widget.cohort import explain_dataset
from xai_widget.cohort.running.items import items_of
from xai_widget.examples import mosaic_net, photo

GREY = Image.new("RGB", (4, 4), "grey")


@pytest.fixture
def folder(tmp_path):
    for name in ("dog/b.png", "dog/a.JPG", "cat/deep/c.png", "root.png", ".hidden/d.png", "cat/notes.txt"):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("no picture") if path.suffix == ".txt" else GREY.save(path)
    return tmp_path / "set"


def write(path, text):
    path.write_text(text, "utf-8")
    return path


def test_a_folder_is_read_in_order_and_its_sub_folders_are_labels(folder):
    items = items_of(folder)
    assert list(items.ids) == ["cat/deep/c.png", "dog/a.JPG", "dog/b.png", "root.png"]
    assert [items[row].label for row in range(4)] == ["cat", "dog", "dog", None]
    assert items[1].img == folder / "dog/a.JPG"
    assert items.about["kind"] == "folder"


def test_a_folder_of_volumes(tmp_path):
    for name in ("s2.nii.gz", "s1.nii"):
        (tmp_path / name).touch()
    assert list(items_of(str(tmp_path)).ids) == ["s1.nii", "s2.nii.gz"]


def test_a_csv_names_files_beside_it_and_keeps_its_columns(folder):
    path = write(
        folder / "list.csv", "\ufeffpath,label,id,age,site,prediction\ndog/b.png,dog,007,31,A,x\ncat/c.png,,8,,B,y\n"
    )
    items = items_of(path)
    assert list(items.ids) == ["007", "8"]
    first, second = items[0], items[1]
    assert (first.img, first.label, second.label) == (folder / "dog/b.png", "dog", None)
    assert first.columns == {"age": 31, "site": "A", "given_prediction": "x"}
    assert second.columns["age"] is None


def test_a_csv_without_ids_is_known_by_its_paths(tmp_path):
    items = items_of(write(tmp_path / "list.csv", "file,label\na.png,1\nb.png,0\n"))
    assert list(items.ids) == ["a.png", "b.png"]
    assert items[0].label == "1"


def test_a_csv_without_paths_is_refused(tmp_path):
    with pytest.raises(ValueError, match="columns name, label; expected one called 'path'"):
        items_of(write(tmp_path / "list.csv", "name,label\na.png,1\n"))


def test_a_picture_is_no_list_of_pictures(folder):
    with pytest.raises(ValueError, match=r"'b.png' is one input: .* a list of such paths"):
        items_of(folder / "dog" / "b.png")


def test_what_is_no_text_is_no_csv(tmp_path):
    (tmp_path / "list.csv").write_bytes(b"path\n\xff\xfe.png\n")
    with pytest.raises(ValueError, match=r"'list.csv' is no CSV file in UTF-8"):
        items_of(tmp_path / "list.csv")


@pytest.mark.parametrize(("dataset", "hint"), [
    (DataLoader([1, 2]), "Pass what the loader reads: loader.dataset"),
    ((item for item in [1, 2]), "pass list"),
    ({"a": 1}, "Pass a list of"),
    (nn.Flatten(), "The order is .model, dataset."),
])  # fmt: skip
def test_what_is_no_dataset_is_refused_with_what_to_pass_instead(dataset, hint):
    with pytest.raises(TypeError, match=f"A dataset cannot be {type(dataset).__name__}.*{hint}"):
        items_of(dataset)


def test_ids_must_differ(tmp_path):
    with pytest.raises(ValueError, match=r"'a.png' occurs twice"):
        items_of(write(tmp_path / "list.csv", "path\na.png\nb.png\na.png\n"))


@pytest.mark.parametrize("item", [
    ("img", 3, {"age": 4}),
    ["img", np.int64(3), {"age": np.array([4])}],
    ("img", torch.tensor(3), {"age": torch.tensor(4)}),
    {"image": "img", "label": np.array([3]), "age": 4},
    {"input": "img", "label": 3.0, "age": 4, "id": "0"},
])  # fmt: skip
def test_items_of_a_dataset_come_in_many_forms(item):
    found = items_of([item])[0]
    assert (found.img, found.label, found.columns) == ("img", 3, {"age": 4})
    assert (type(found.label), type(found.columns["age"])) == (int, int)


def test_an_input_alone_has_no_label():
    assert items_of(["img"])[0].label is None


@pytest.mark.parametrize("label", [np.array([0, 1]), 0.5, object()])
def test_what_is_no_label_is_refused(label):
    with pytest.raises(TypeError, match="A label is a class index or a name"):
        _ = items_of([("img", label)])[0]


def test_what_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(TypeError, match="cannot be generator"):
        items_of(iter_ for iter_ in ())
    with pytest.raises(FileNotFoundError, match="no folder or CSV file"):
        items_of(tmp_path / "nothing")
    with pytest.raises(ValueError, match="nothing to explain"):
        items_of(tmp_path)


def test_a_folder_of_photos_is_explained(tmp_path):
    for name in ("cat", "rocket"):
        (tmp_path / name).mkdir()
        photo(name).save(tmp_path / name / "1.png")
    table = explain_dataset(mosaic_net(), tmp_path, "grad_cam", tmp_path / "maps.zarr", progress=False).table
    assert table.id.tolist() == ["cat/1.png", "rocket/1.png"]
    assert table.label.tolist() == table.prediction.tolist()
    assert [mosaic_net().labels[index] for index in table.label] == ["cat", "rocket"]


def nameless():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


def photos_in(folder, names=("rocket", "cat")):
    for name in names:
        (folder / name).mkdir(parents=True)
        photo(name).save(folder / name / "1.png")
    return folder


@pytest.mark.slow
def test_folders_name_the_classes_of_a_model_that_does_not_and_the_assumption_is_told(tmp_path):
    net, data = nameless(), photos_in(tmp_path / "set")
    with pytest.warns(RuntimeWarning, match=r"0 'cat', 1 'rocket'.*labels="):
        cohort = explain_dataset(net, data, "grad_cam", tmp_path / "maps.zarr", group_by="label", progress=False)
    assert cohort.table.label.tolist() == [0, 1]
    assert sorted(cohort.groups()) == ["cat", "rocket"]

    # In local processes as well, and of a dataset that says how its classes are called: then nothing is assumed.
    class Said(list):
        classes = ("rocket", "cat")

    said = Said((photo(name), number) for number, name in enumerate(Said.classes))
    again = explain_dataset(net, said, "grad_cam", tmp_path / "again.zarr", workers=2, progress=False)
    assert again.labels == ("rocket", "cat")


def test_other_folders_than_classes_name_nothing(tmp_path):
    data = photos_in(tmp_path / "set", ("cat", "rocket", "coffee"))
    with pytest.warns(RuntimeWarning, match="3 labels are no class"):
        cohort = explain_dataset(nameless(), data, "grad_cam", tmp_path / "maps.zarr", progress=False)
    assert cohort.labels == ("class 0", "class 1")
    assert cohort.table.given_label.tolist() == ["cat", "coffee", "rocket"]


def test_given_names_are_taken_as_they_are(tmp_path, recwarn):
    data = photos_in(tmp_path / "set")
    kept = explain_dataset(
        nameless(), data, "grad_cam", tmp_path / "maps.zarr", labels=["rocket", "cat"], progress=False
    )
    assert kept.table.label.tolist() == [1, 0]
    assert not [warning for warning in recwarn if "does not name" in str(warning.message)]
