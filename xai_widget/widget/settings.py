"""Settings: the traits that say what is asked and how it is shown, each checked before it is taken."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import traitlets
from torch import nn

from xai_widget.covering import Mask, check_picture, picture_mask
from xai_widget.explainers import Layer, Method, build_method, method_classes
from xai_widget.page import wire_params
from xai_widget.session import Ahead, Session
from xai_widget.shown import is_picture
from xai_widget.targets import Contrast, Target
from xai_widget.view import check_view
from xai_widget.widget.asking import Wish
from xai_widget.widget.protocol import CONTROLS, FOR_PICTURES, status


def _target_to_json(value: Target, widget: "Settings") -> Any:
    return None if value is None else widget.session.question(value).wire


def target_from_json(value: Any, _widget: object = None) -> Target:
    """Return a target as the page sends it."""
    if isinstance(value, dict) and value.keys() == {"target", "foil"}:
        return Contrast(value["target"], value["foil"])
    return cast("Target", value)


class SettingValueError(traitlets.TraitError, ValueError):
    """A setting that cannot be used. As a `TraitError` it makes traitlets put back all that came in the same change."""


class SettingTypeError(traitlets.TraitError, TypeError):
    """A setting of a type that cannot be used."""


def _checks(name: str) -> Callable[[Callable[[Any, Any], Any]], traitlets.EventHandler]:
    """Make a method the check of the trait `name`."""

    def decorate(check: Callable[[Any, Any], Any]) -> traitlets.EventHandler:
        def checked(settings: Any, proposal: Any) -> Any:
            try:
                return check(settings, proposal)
            except TypeError as error:
                raise SettingTypeError(str(error)) from error
            except ValueError as error:
                raise SettingValueError(str(error)) from error

        handler: traitlets.EventHandler = traitlets.validate(name)(checked)
        return handler

    return decorate


class Settings(traitlets.HasTraits):
    """What a widget is set to.

    Attributes
    ----------
    sessions : tuple of Session
        What can be asked about; `active` is the index of the one shown.
    offered : mapping of str to method class
        The methods to choose from, by id.
    """

    sessions: tuple[Session, ...]
    offered: Mapping[str, type[Method]]

    method = traitlets.Unicode("grad_cam").tag(sync=True)
    params = traitlets.Any(MappingProxyType({})).tag(sync=True, to_json=lambda value, _: wire_params(value))
    target = traitlets.Any(None, allow_none=True).tag(sync=True, to_json=_target_to_json, from_json=target_from_json)
    layer = traitlets.Any(None, allow_none=True).tag(sync=True)
    active = traitlets.Int(0).tag(sync=True)
    view = traitlets.Dict().tag(sync=True)
    status = traitlets.Dict(dict(status("idle", None)), read_only=True).tag(sync=True)
    controls = traitlets.Any(None, allow_none=True).tag(sync=True)
    locale = traitlets.Any(None, allow_none=True).tag(sync=True)
    auto_run = traitlets.Bool(True).tag(sync=True)
    auto_runs = traitlets.Dict(key_trait=traitlets.Unicode(), value_trait=traitlets.Bool()).tag(sync=True)
    expert = traitlets.Bool(True).tag(sync=True)
    # Told by the kernel: what is pinned, by number.
    pins = traitlets.List(traitlets.Int(), read_only=True).tag(sync=True)
    # Not a setting, and not synced: it follows what is painted in the page, which is told when Python sets it.
    brush_mask = traitlets.Any(None, allow_none=True)
    # What `params` was last: while a change of the page is checked, the trait already has what the page sent.
    _held: Mapping[str, Any] = MappingProxyType({})

    @property
    def session(self) -> Session:
        """The session that is shown.

        Raises
        ------
        RuntimeError
            The widget was closed.
        """
        if not self.sessions:
            message = "This widget was closed and has let go of its model. Make a new one: XaiWidget(model, img)."
            raise RuntimeError(message)
        return self.sessions[self.active]

    def wish(self) -> Wish:
        """Return what the settings ask for.

        Raises
        ------
        ValueError
            The method refuses the model or the layer.
        """
        method = self._chosen()
        if (reason := method.refuses(self.session.facts)) is not None:
            raise ValueError(reason)
        layer = self.layer if method.uses_layer else None
        self.session.layer_names(method, layer)
        return Wish(self.active, method, self.target, tuple(layer) if isinstance(layer, list) else layer)

    def _chosen(self) -> Method:
        return build_method(self.method, self.params, self.offered)

    @_checks("method")
    def _check_method(self, proposal: Any) -> str:
        if proposal.value not in self.offered:
            build_method(proposal.value, {})  # an unknown name is told with its neighbours
            message = f"Method {proposal.value!r} is not among those offered here: {', '.join(self.offered)}."
            raise ValueError(message)
        return str(proposal.value)

    @traitlets.observe("method")
    def _method_changed(self, _change: Any) -> None:
        try:
            self._chosen()
        except (ValueError, TypeError):
            self.params = MappingProxyType({})  # they were the other method's

    @_checks("params")
    def _check_params(self, proposal: Any) -> Mapping[str, Any]:
        if not isinstance(proposal.value, Mapping):
            message = f"params must be a mapping such as {{'window': 32}}, got {type(proposal.value).__name__}."
            raise TypeError(message)
        given = {name: self._array(name, value) for name, value in proposal.value.items()}
        built = build_method(self.method, given, self.offered)
        self._held = MappingProxyType({name: getattr(built, name) for name in given})
        return self._held

    def _array(self, name: str, value: Any) -> Any:
        """Return the array or method that the page knows by its name alone; anything else as it is."""
        return self._held.get(name) if isinstance(value, Mapping) and "array" in value else value

    @_checks("layer")
    def _check_layer(self, proposal: Any) -> str | list[str] | None:
        given: Layer = proposal.value
        method = self._chosen()
        if given is None or not method.uses_layer:
            return None if given is None else cast("str | list[str]", given)
        names = self.session.layer_names(method, given)
        return names[0] if isinstance(given, str | nn.Module) else list(names)

    @_checks("target")
    def _check_target(self, proposal: Any) -> Target:
        target: Target = proposal.value
        question = self.session.question(target)
        if target is None or isinstance(target, str | Contrast) or question.function is not None:
            return target
        return question.index  # a whole number of any library

    @_checks("active")
    def _check_active(self, proposal: Any) -> int:
        if not 0 <= proposal.value < len(self.sessions):
            message = f"active must be 0 ... {len(self.sessions) - 1}, got {proposal.value}."
            raise ValueError(message)
        return int(proposal.value)

    @_checks("view")
    def _check_view(self, proposal: Any) -> dict[str, Any]:
        return dict(check_view(proposal.value))

    @_checks("locale")
    def _check_locale(self, proposal: Any) -> str | None:
        if proposal.value is None or isinstance(proposal.value, str):
            return proposal.value
        message = f"locale must be a language such as 'ko', or None for the browser's; got {proposal.value!r}."
        raise TypeError(message)

    @_checks("brush_mask")
    def _check_brush_mask(self, proposal: Any) -> Mask | None:
        if proposal.value is None:
            return None
        check_picture(self.session)
        mask = picture_mask(proposal.value, self.session.inputs[0].picture.shape[:2])
        return mask if mask.any() else None

    @_checks("controls")
    def _check_controls(self, proposal: Any) -> list[str] | None:
        if proposal.value is None:
            return None
        if isinstance(proposal.value, str) or not isinstance(proposal.value, Sequence):
            message = f"controls must be a list such as ['method', 'layer'], got {proposal.value!r}."
            raise TypeError(message)
        for name in proposal.value:
            if name not in CONTROLS:
                message = f"Unknown control {name!r}; choose from {', '.join(CONTROLS)}."
                raise ValueError(message)
        return self._about_what_is_shown(list(proposal.value))

    def _about_what_is_shown(self, controls: list[str]) -> list[str]:
        """Return the controls, unless they are for pictures alone and nothing but volumes is asked about."""
        painted = [name for name in controls if name in FOR_PICTURES]
        if painted and not any(is_picture(session.inputs[0].picture) for session in self.sessions):
            message = f"Controls {', '.join(painted)} are for pictures; there are volumes here. Leave them out."
            raise ValueError(message)
        return controls


def offered_methods(names: Sequence[str] | None) -> Mapping[str, type[Method]]:
    """Return the methods to offer, by id; None = all.

    Raises
    ------
    ValueError
        Not a list of known ids.
    """
    if names is None:
        return method_classes()
    if isinstance(names, str) or not names:
        message = f"methods must be a list of ids such as ['grad_cam', 'occlusion'], got {names!r}."
        raise ValueError(message)
    return {name: type(build_method(name, {})) for name in names}


def first_question(offered: Mapping[str, type[Method]], method: str | None, params: Mapping[str, Any] | None) -> Ahead:
    """Return the method that will be asked first, as far as it is known before the model is: then they share a forward.

    What cannot be used is None here, and told when the settings are checked.
    """
    if isinstance(params, Mapping | None):
        with contextlib.suppress(ValueError, TypeError):
            return build_method(next(iter(offered)) if method is None else method, params or {}, offered), None
    return None


def first_method(offered: Mapping[str, type[Method]], session: Session) -> str:
    """Return the first offered method that works on the session's model (or the first one, which will say why not)."""
    works = (name for name, cls in offered.items() if cls().refuses(session.facts) is None)
    return next(works, next(iter(offered)))
