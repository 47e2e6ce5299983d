"""Writes tests/golden/arguments.json: the arguments of transformers' TrainingArguments and of its example run_glue.py.

  python make_arguments.py OUT.json

With their defaults, as far as JSON can say them. Needs: transformers, torch.
"""
import dataclasses, json, sys
import transformers

# examples/pytorch/text-classification/run_glue.py declares these beside TrainingArguments.
RUN_GLUE = dict(
    task_name=None, dataset_name=None, dataset_config_name=None, max_seq_length=128, overwrite_cache=False, pad_to_max_length=True,
    max_train_samples=None, max_eval_samples=None, max_predict_samples=None, train_file=None, validation_file=None, test_file=None,
    model_name_or_path=None, config_name=None, tokenizer_name=None, cache_dir=None, use_fast_tokenizer=True, model_revision="main",
    token=None, trust_remote_code=False, ignore_mismatched_sizes=False,
)
# Of versions before 5, still in many scripts.
EARLIER = [
    "evaluation_strategy", "warmup_ratio", "overwrite_output_dir", "no_cuda", "use_mps_device", "group_by_length", "logging_dir",
    "per_gpu_train_batch_size", "per_gpu_eval_batch_size", "save_safetensors", "fp16_opt_level", "fp16_backend", "half_precision_backend",
    "adafactor", "sharded_ddp", "fsdp_min_num_params", "fsdp_transformer_layer_cls_to_wrap", "jit_mode_eval", "use_ipex", "tpu_num_cores",
    "tpu_metrics_debug", "past_index", "push_to_hub_model_id", "push_to_hub_organization", "push_to_hub_token", "mp_parameters",
    "torchdynamo", "ray_scope", "xpu_backend", "include_inputs_for_metrics", "include_tokens_per_second", "dispatch_batches",
    "split_batches", "use_legacy_prediction_loop", "use_auth_token",
]


def plain(value):
    value = getattr(value, "value", value)
    return value if isinstance(value, (str, int, float, bool, list, dict, type(None))) else str(value)


def default(field):
    return plain(field.default if field.default_factory is dataclasses.MISSING else field.default_factory())


training = {field.name: default(field) for field in dataclasses.fields(transformers.TrainingArguments) if field.init}
arguments = {"transformers": transformers.__version__, "training": training, "run_glue": RUN_GLUE, "earlier": EARLIER}
with open(sys.argv[1], "w") as out:
    json.dump(arguments, out, indent=1, sort_keys=True)
    out.write("\n")
