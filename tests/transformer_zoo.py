"""Small transformers with the habits of timm's, transformers' and DeiT's: fused attention or not, tokens in front, windows."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import SwinTransformer, VisionTransformer

CLASSES = 5
WIDTH = 12
HEADS = 3


class TimmAttention(nn.Module):
    """One linear layer for q, k and v; fused attention, or softmax as a method of the tensor."""

    def __init__(self, *, fused: bool, normed: bool) -> None:
        super().__init__()
        self.fused = fused
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.q_norm = nn.LayerNorm(WIDTH // HEADS) if normed else nn.Identity()
        self.k_norm = nn.LayerNorm(WIDTH // HEADS) if normed else nn.Identity()
        self.attn_drop = nn.Dropout(0.1)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        rows, tokens, _ = x.shape
        q, k, v = self.qkv(x).reshape(rows, tokens, 3, HEADS, -1).permute(2, 0, 3, 1, 4).unbind(0)
        q, k = self.q_norm(q), self.k_norm(k)
        if self.fused:
            x = functional.scaled_dot_product_attention(q, k, v)
        else:
            x = self.attn_drop((q * q.shape[-1] ** -0.5 @ k.transpose(-2, -1)).softmax(dim=-1)) @ v
        return self.proj(x.transpose(1, 2).reshape(rows, tokens, -1))


class TimmBlock(nn.Module):
    def __init__(self, *, fused: bool, normed: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.attn = TimmAttention(fused=fused, normed=normed)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, patch: int, dims: int) -> None:
        super().__init__()
        convolution = nn.Conv2d if dims == 2 else nn.Conv3d
        self.proj = convolution(3 if dims == 2 else 1, WIDTH, patch, stride=patch)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).flatten(2).transpose(1, 2)


class CutPatches(nn.Module):
    """Patches cut by reshaping, embedded by a linear layer: no convolution tells the grid."""

    def __init__(self, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.proj = nn.Linear(3 * patch**2, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(functional.unfold(x, self.patch, stride=self.patch).transpose(1, 2))


class TimmViT(nn.Module):
    """timm's VisionTransformer in small.

    Parameters
    ----------
    size, patch
        Of the input and of a patch.
    prefix
        Tokens in front: 1 class token, with a second one a distillation token, or registers.
    read
        Tokens that get a head; the logits are their mean. 0: the patches' mean goes to the one head.
    """

    def __init__(
        self,
        size: tuple[int, ...] = (16, 16),
        patch: int = 4,
        *,
        prefix: int = 1,
        read: int = 1,
        layers: int = 2,
        fused: bool = True,
        normed: bool = False,
        cut: bool = False,
        late_norm: bool = False,
    ) -> None:
        super().__init__()
        self.prefix, self.read = prefix, read
        self.patch_embed = CutPatches(patch) if cut else PatchEmbed(patch, len(size))
        self.front = nn.Parameter(torch.randn(1, prefix, WIDTH))
        tokens = prefix + math.prod(length // patch for length in size)
        self.pos_embed = nn.Parameter(torch.randn(1, tokens, WIDTH))
        self.pos_drop = nn.Dropout(0.1)
        self.blocks = nn.Sequential(*(TimmBlock(fused=fused, normed=normed) for _ in range(layers)))
        self.norm = nn.Identity() if late_norm else nn.LayerNorm(WIDTH)
        self.fc_norm = nn.LayerNorm(WIDTH) if late_norm else nn.Identity()
        self.heads = nn.ModuleList(nn.Linear(WIDTH, CLASSES) for _ in range(max(read, 1)))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.front.expand(len(x), -1, -1), self.patch_embed(x)], 1) + self.pos_embed
        x = self.norm(self.blocks(self.pos_drop(x)))
        if self.read == 0:
            return self.heads[0](self.fc_norm(x[:, self.prefix :].mean(1)))
        return torch.stack([head(self.fc_norm(x[:, i])) for i, head in enumerate(self.heads)]).mean(0)


class HubOutput(NamedTuple):
    """Stands in for the outputs of transformers' models."""

    logits: Tensor
    hidden_states: None = None


class HubAttention(nn.Module):
    """Three linear layers; attention by a function that is given the module, as transformers has it."""

    def __init__(self, implementation: str) -> None:
        super().__init__()
        self.implementation = implementation
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.o_proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, hidden_states: Tensor) -> tuple[Tensor, Tensor | None]:
        shape = (*hidden_states.shape[:-1], HEADS, -1)
        q, k, v = (proj(hidden_states).view(shape).transpose(1, 2) for proj in (self.q_proj, self.k_proj, self.v_proj))
        scaling = (WIDTH // HEADS) ** -0.5
        weights = None
        if self.implementation == "sdpa":
            out = functional.scaled_dot_product_attention(
                q, k, v, attn_mask=None, dropout_p=0.0, scale=scaling, is_causal=False
            )
        else:
            weights = torch.matmul(q, k.transpose(2, 3)) * scaling
            weights = functional.softmax(weights, dim=-1, dtype=torch.float32).to(q.dtype)
            out = torch.matmul(functional.dropout(weights, p=0.0, training=self.training), v)
        return self.o_proj(out.transpose(1, 2).reshape(*hidden_states.shape[:-1], -1).contiguous()), weights


class HubLayer(nn.Module):
    def __init__(self, implementation: str) -> None:
        super().__init__()
        self.layernorm_before = nn.LayerNorm(WIDTH)
        self.attention = HubAttention(implementation)
        self.layernorm_after = nn.LayerNorm(WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, hidden_states: Tensor) -> Tensor:
        attended, _ = self.attention(self.layernorm_before(hidden_states))
        hidden_states = hidden_states + attended
        return hidden_states + self.down(functional.gelu(self.up(self.layernorm_after(hidden_states))))


class HubViT(nn.Module):
    """transformers' ViTForImageClassification, or its DeiT with a distillation token, in small.

    Parameters
    ----------
    implementation : {"eager", "sdpa"}
        Of the attention.
    prefix
        1: ViT; 2: DeiT.
    teacher
        Both tokens are read, each by its own classifier; else the class token alone.
    """

    def __init__(self, implementation: str = "sdpa", *, prefix: int = 1, teacher: bool = False) -> None:
        super().__init__()
        self.front = nn.Parameter(torch.randn(1, prefix, WIDTH))
        self.patch_embeddings = PatchEmbed(4, 2)
        self.position_embeddings = nn.Parameter(torch.randn(1, prefix + 16, WIDTH))
        self.layers = nn.ModuleList(HubLayer(implementation) for _ in range(2))
        self.layernorm = nn.LayerNorm(WIDTH)
        self.cls_classifier = nn.Linear(WIDTH, CLASSES)
        self.distillation_classifier = nn.Linear(WIDTH, CLASSES) if teacher else None

    def forward(self, pixel_values: Tensor) -> HubOutput:
        patches = self.patch_embeddings(pixel_values)
        hidden = torch.cat((self.front.expand(len(patches), -1, -1), patches), dim=1) + self.position_embeddings
        for layer in self.layers:
            hidden = layer(hidden)
        hidden = self.layernorm(hidden)
        logits = self.cls_classifier(hidden[:, 0])
        if self.distillation_classifier is not None:
            logits = (logits + self.distillation_classifier(hidden[:, 1])) / 2
        return HubOutput(logits)


class WindowBlock(nn.Module):
    """Attention inside windows of 2x2 tokens that are folded into the batch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Linear(width, width)

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        rows, _, width = x.shape
        h, w = grid
        windows = self.norm1(x).view(rows, h // 2, 2, w // 2, 2, width).transpose(2, 3).reshape(-1, 4, width)
        q, k, v = self.qkv(windows).reshape(-1, 4, 3, 2, width // 2).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = (q @ k.transpose(-2, -1) / math.sqrt(width // 2)).softmax(-1) @ v
        mixed = self.proj(mixed.transpose(1, 2).reshape(-1, 4, width))
        x = x + mixed.view(rows, h // 2, w // 2, 2, 2, width).transpose(2, 3).reshape(rows, -1, width)
        return x + self.mlp(self.norm2(x))


class HubSwin(nn.Module):
    """transformers' Swin in small: tokens `[N, h * w, C]` whose grid shrinks, a mean over them, one linear layer."""

    def __init__(self, size: tuple[int, int] = (32, 32)) -> None:
        super().__init__()
        self.grid = (size[0] // 4, size[1] // 4)
        self.patch_embeddings = PatchEmbed(4, 2)
        self.fine = WindowBlock(WIDTH)
        self.reduction = nn.Linear(4 * WIDTH, 2 * WIDTH)
        self.coarse = WindowBlock(2 * WIDTH)
        self.layernorm = nn.LayerNorm(2 * WIDTH)
        self.pooler = nn.AdaptiveAvgPool1d(1)
        self.classifier = nn.Linear(2 * WIDTH, CLASSES)

    def forward(self, pixel_values: Tensor) -> HubOutput:
        (h, w), rows = self.grid, len(pixel_values)
        x = self.fine(self.patch_embeddings(pixel_values), self.grid)
        merged = x.view(rows, h // 2, 2, w // 2, 2, WIDTH).transpose(2, 3).reshape(rows, h * w // 4, 4 * WIDTH)
        x = self.layernorm(self.coarse(self.reduction(merged), (h // 2, w // 2)))
        return HubOutput(self.classifier(self.pooler(x.transpose(1, 2)).flatten(1)))


class EncoderViT(nn.Module):
    """Built from PyTorch's own encoder layers, which take a fast path of their own where they may."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = PatchEmbed(4, 2)
        self.token = nn.Parameter(torch.randn(1, 1, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.fc = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.encoder(torch.cat([self.token.expand(len(x), -1, -1), self.embed(x)], 1))[:, 0])


class ClassAttention(nn.Module):
    """Tokens attend to each other, then a class token to them (as in CaiT); or channels to channels (XCiT)."""

    def __init__(self, *, channels: bool) -> None:
        super().__init__()
        self.channels = channels
        self.embed = nn.Conv2d(3, WIDTH, 4, stride=4)
        self.norm = nn.LayerNorm(WIDTH)
        self.query = nn.Parameter(torch.randn(1, 1, 1, WIDTH))
        self.fc = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.embed(x).flatten(2).transpose(1, 2))[:, None]
        if self.channels:
            return self.fc((x @ (x.transpose(2, 3) @ x).softmax(-1)).square()[:, 0, 0])
        x = x + functional.scaled_dot_product_attention(x, x, x)
        query = self.query.expand(len(x), -1, -1, -1)
        return self.fc(functional.scaled_dot_product_attention(query, x, x)[:, 0, 0])


def torchvision_vit(layers: int = 2) -> nn.Module:
    """torchvision's VisionTransformer for 32x32, its heads set apart from zero."""
    model = VisionTransformer(32, 8, layers, num_heads=HEADS, hidden_dim=WIDTH, mlp_dim=24, num_classes=CLASSES)
    nn.init.normal_(model.heads.head.weight)
    return model


def torchvision_swin() -> nn.Module:
    """torchvision's SwinTransformer for 32x32: channels last, 8x8 and 4x4 positions in windows of 2x2."""
    return SwinTransformer([4, 4], WIDTH, [1, 2], [HEADS, HEADS], [2, 2], num_classes=CLASSES)
