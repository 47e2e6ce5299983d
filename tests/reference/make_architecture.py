"""Writes tests/golden/architecture.json: what transformers makes of a config.json.

  python make_architecture.py TINY_CONFIG OUT

For each shape, the names and shapes of named_parameters(), and which of them the Trainer decays; how new parameters are
drawn; what config.json says of each kind of head; and the floating-point operations of a step on one example, as torch counts
them in the encoder. Needs: torch, transformers.
"""
import json, sys
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForSequenceClassification
from transformers.trainer import Trainer


def made(config):
    with torch.device("meta"):
        return AutoModelForSequenceClassification.from_config(AutoConfig.for_model(**config), attn_implementation="eager")


def parameters(config):
    model = made(config)
    decayed = set(Trainer.get_decay_parameter_names(None, model))
    return [[name, list(x.shape), name in decayed] for name, x in model.named_parameters()]


def drawn(config):
    """By parameter: the standard deviation and the largest number, or the one value that all have, and the rows that are 0."""
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(**config))
    rows = lambda x: [i for i, row in enumerate(x) if x.dim() == 2 and not row.any()]
    each = lambda x: dict(constant=x.flatten()[0].item()) if (x == x.flatten()[0]).all() else dict(std=x.std().item(), largest=x.abs().max().item(), zero_rows=rows(x))
    return {name: each(x.detach()) for name, x in model.named_parameters()}


def head(problem, **labels):
    model = made({**SMALL, "problem_type": problem, **labels})
    config = json.loads(model.config.to_json_string(use_diff=False))
    return {"outputs": model.classifier.out_features, **{key: config[key] for key in ["id2label", "label2id", "problem_type"]}}


def operations(config, length):
    """Of the matrix products of all layers, forward and backward."""
    model = made(config).base_model
    encoder = model.encoder if hasattr(model, "encoder") else model
    hidden = torch.zeros(1, length, model.config.hidden_size, device="meta", requires_grad=True)
    mask = dict(attention_mask=dict.fromkeys(["full_attention", "sliding_attention"])) if encoder is model else {}
    with FlopCounterMode(display=False) as counter:
        encoder(**{"inputs_embeds" if encoder is model else "hidden_states": hidden}, **mask).last_hidden_state.sum().backward()
    return counter.get_total_flops()


def labels(*names):
    return dict(id2label=dict(enumerate(names)), label2id={name: id for id, name in enumerate(names)})


SMALL = dict(model_type="bert", vocab_size=40, hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
             max_position_embeddings=50, type_vocab_size=3, initializer_range=0.3)
# Torch computes all pairs of tokens in local attention too, so operations are compared without it.
MODERNBERT = dict(model_type="modernbert", vocab_size=40, hidden_size=64, num_hidden_layers=3, num_attention_heads=2, intermediate_size=36,
                  pad_token_id=7, global_attn_every_n_layers=1)
tiny = json.load(open(sys.argv[1]))
shapes = {"tiny": {**tiny, "num_labels": 3}, "bert-base-uncased": dict(model_type="bert", num_labels=2)}
result = {
    "parameters": {name: dict(config=config, outputs=config["num_labels"], parameters=parameters(config)) for name, config in shapes.items()},
    "drawn": [dict(config={**SMALL, **pad}, parameters=drawn({**SMALL, **pad})) for pad in [{}, dict(pad_token_id=7), dict(pad_token_id=None)]] + [dict(config=MODERNBERT, parameters=drawn(MODERNBERT))],
    "operations": [dict(config=config, length=n, count=operations(config, n)) for config in [*shapes.values(), MODERNBERT] for n in [1, 17, 128]],
    "heads": {
        "classes": head("single_label_classification", **labels("entailment", "neutral", "contradiction")),
        "labels": head("multi_label_classification", **labels("joy", "anger")),
        "value": head("regression", num_labels=1),
    },
}
json.dump(result, open(sys.argv[2], "w"), separators=(",", ":"))
