"""Anything a person has - a path, a picture, an array, a tensor, a volume - becomes a model's input and its picture."""

from xai_widget.inputs.pictures import mid_grey
from xai_widget.inputs.reading import ModelInput, read_batch, read_input

__all__ = ["ModelInput", "mid_grey", "read_batch", "read_input"]
