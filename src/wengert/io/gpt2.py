"""The names in the published weights of GPT-2."""

import re

NAME = re.compile(r"(?:transformer\.)?(?:h\.(\d+)\.)?(.+)\.(weight|bias)")
LAYERS = {
    "wte": "tokens",
    "wpe": "positions",
    "ln_1": "norm1",
    "attn.c_attn": "attention.qkv",
    "attn.c_proj": "attention.out",
    "ln_2": "norm2",
    "mlp.c_fc": "network.layers.0",
    "mlp.c_proj": "network.layers.2",
    "ln_f": "norm",
}
NORM = {"weight": "gamma", "bias": "beta"}
OTHERS = {"weight": "W", "bias": "b"}  # W is (in, out) in these files too


def gpt2_name(name: str) -> str | None:
    """The name in `wengert.models.GPT` for a name in a file of the library transformers.

    `load_weights("model.safetensors", GPT(50257, 1024, layers=12, width=768, heads=12),
    rename=gpt2_name)` loads the smallest GPT-2. Masks, and the second name of the tied weights,
    become None. A name that is not GPT-2's is returned unchanged, and is unexpected then.
    """
    match = NAME.fullmatch(name)
    if match is None or match[2] not in LAYERS:
        is_of_gpt2 = name.endswith((".attn.bias", ".attn.masked_bias")) or name == "lm_head.weight"
        return None if is_of_gpt2 else name
    block = "" if match[1] is None else f"blocks.{match[1]}."
    params = NORM if match[2].startswith("ln_") else OTHERS
    return f"{block}{LAYERS[match[2]]}.{params[match[3]]}"
