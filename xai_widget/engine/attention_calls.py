"""Self-attention in whatever way it is called: fused, as `nn.MultiheadAttention`, or as an explicit softmax.

A mode around the forward sees every such call. Where only its size is of interest the call runs as it is; where the map
is wanted it runs in its explicit form, softmax(q·kᵀ/√d)·v, which gives the same numbers up to rounding.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from xai_widget.engine.calls import argument

See = Callable[[Tensor], Tensor]
_SOFTMAX: Final = frozenset({functional.softmax, torch.softmax, torch.Tensor.softmax, torch.special.softmax})


class ExplicitAttention(TorchFunctionMode):
    """Runs every self-attention of the forwards inside explicitly and shows its map.

    Parameters
    ----------
    see : callable
        Is given each map `[N, heads, L, L]`, rows summing to 1, in the order of the layers; what it returns takes the
        map's place in the forward.
    """

    def __init__(self, see: See) -> None:
        super().__init__()
        self._see = see

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one call of PyTorch; self-attention in its explicit form."""
        del types
        kwargs = kwargs or {}
        if not is_self_attention(map_shape(func, args, kwargs)):
            return func(*args, **kwargs)
        if func is functional.scaled_dot_product_attention:
            return self._scaled_dot_product(*args, **kwargs)
        if func is functional.multi_head_attention_forward:
            return self._multi_head(*args, **kwargs)
        return self._see(func(*args, **kwargs))

    def _scaled_dot_product(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        *,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """As the documentation of `torch.nn.functional.scaled_dot_product_attention` writes it."""
        if enable_gqa:
            key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
            value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
        scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
        products = (query * scale) @ key.transpose(-2, -1)
        if is_causal:
            attn_mask = torch.ones(products.shape[-2:], dtype=torch.bool, device=products.device).tril()
        if attn_mask is not None:
            is_bool = attn_mask.dtype == torch.bool
            products = products.masked_fill(~attn_mask, -torch.inf) if is_bool else products + attn_mask
        weights = self._see(_shares(products, masked=attn_mask is not None))
        return functional.dropout(weights, dropout_p) @ value

    def _multi_head(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        embed_dim_to_check: int,
        num_heads: int,
        in_proj_weight: Tensor | None,
        in_proj_bias: Tensor | None,
        bias_k: Tensor | None,
        bias_v: Tensor | None,
        add_zero_attn: bool,
        dropout_p: float,
        out_proj_weight: Tensor,
        out_proj_bias: Tensor | None,
        training: bool = True,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        use_separate_proj_weight: bool = False,
        q_proj_weight: Tensor | None = None,
        k_proj_weight: Tensor | None = None,
        v_proj_weight: Tensor | None = None,
        static_k: Tensor | None = None,
        static_v: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As `torch.nn.MultiheadAttention` computes it; the arguments are those of its functional form."""
        del embed_dim_to_check, is_causal  # a hint: the mask itself comes along
        if add_zero_attn or any(extra is not None for extra in (bias_k, bias_v, static_k, static_v)):
            message = (
                "This model's nn.MultiheadAttention attends to keys that are no tokens (add_bias_kv or add_zero_attn):"
                " its attention cannot be read. Use 'grad_cam' or 'saliency'."
            )
            raise ValueError(message)
        batched = query.ndim == 3
        if not batched:
            query, key, value = query[:, None], key[:, None], value[:, None]
        separate = (q_proj_weight, k_proj_weight, v_proj_weight)
        packed = (None,) * 3 if in_proj_weight is None else in_proj_weight.chunk(3)
        weights = separate if use_separate_proj_weight else packed
        biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
        q, k, v = (  # [N, heads, L, d]
            functional.linear(x, weight, bias).reshape(*x.shape[:2], num_heads, -1).permute(1, 2, 0, 3)
            for x, weight, bias in zip((query, key, value), weights, biases, strict=True)
            if weight is not None
        )
        products = (q / math.sqrt(q.shape[-1])) @ k.transpose(-2, -1)
        if attn_mask is not None:
            # [L, L] for all, or [N * heads, L, L].
            mask = _additive(attn_mask, products)
            products = products + (mask if mask.ndim == 2 else mask.reshape(-1, num_heads, *mask.shape[-2:]))
        if key_padding_mask is not None:
            products = products + _additive(key_padding_mask, products).reshape(-1, 1, 1, k.shape[2])
        masked = attn_mask is not None or key_padding_mask is not None
        attention = self._see(_shares(products, masked=masked))
        mixed = functional.dropout(attention, dropout_p, training) @ v
        out = functional.linear(mixed.permute(2, 0, 1, 3).flatten(2), out_proj_weight, out_proj_bias)
        shown = attention.mean(1) if average_attn_weights else attention
        if not batched:
            out, shown = out[:, 0], shown[0]
        return out, shown if need_weights else None


def map_shape(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int, ...] | None:
    """Return the shape `(N, heads, queries, keys)` of the map where a call of PyTorch is attention, else None.

    Parameters
    ----------
    func : callable
        As a `TorchFunctionMode` sees it.
    args, kwargs
        Of the call.
    """
    if func is functional.scaled_dot_product_attention:
        query, key = argument(args, kwargs, 0, "query"), argument(args, kwargs, 1, "key")
        shape = (*query.shape[:-1], key.shape[-2])
    elif func is functional.multi_head_attention_forward:
        query, key = argument(args, kwargs, 0, "query"), argument(args, kwargs, 1, "key")
        shape = (*query.shape[1:-1], argument(args, kwargs, 4, "num_heads"), query.shape[0], key.shape[0])
        shape = shape if query.ndim == 3 else (1, *shape)
    elif func in _SOFTMAX:
        x = argument(args, kwargs, 0, "input")
        shape = tuple(x.shape)
        if argument(args, kwargs, 1, "dim") not in {-1, len(shape) - 1}:
            return None
    else:
        return None
    return shape if len(shape) == 4 and shape[3] > 1 else None


def is_self_attention(shape: tuple[int, ...] | None) -> bool:
    """Whether there are as many queries as keys."""
    return shape is not None and shape[2] == shape[3]


def _shares(products: Tensor, *, masked: bool) -> Tensor:
    """Softmax over the keys; a query that may attend to none takes nothing, as fused attention has it."""
    if not masked:
        return products.softmax(-1)
    alone = (products == -torch.inf).all(-1, keepdim=True)
    return products.masked_fill(alone, 0).softmax(-1).masked_fill(alone, 0)


def _additive(mask: Tensor, products: Tensor) -> Tensor:
    """Return a mask that is added to the products; True in a mask of bool bars a key from being attended to."""
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=products.dtype).masked_fill(mask, -torch.inf)
