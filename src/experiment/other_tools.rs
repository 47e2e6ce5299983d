//! Setting names in other tools, mainly transformers' `TrainingArguments` and `run_glue.py`, and their equivalents here.

/// The equivalent of another tool's setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Equivalent {
    /// The setting at this path, with the same values.
    Same(&'static str),
    /// The setting at this path, with other values, described in the second field.
    Other(&'static str, &'static str),
    /// The setting at this path, set to this value.
    Switch(&'static str, &'static str),
    /// No such setting; with what to use instead.
    Nothing(&'static str),
}

use Equivalent::{Nothing, Other, Same, Switch};

/// Returns the equivalent of a name, ignoring case and treating hyphens as underscores.
#[must_use]
pub fn equivalent(name: &str) -> Option<Equivalent> {
    let name = name.replace('-', "_").to_lowercase();
    EQUIVALENTS.iter().find(|(names, _)| names.split_whitespace().any(|known| known == name)).map(|(_, meaning)| *meaning)
}

/// Returns all known names of other tools.
pub fn names() -> impl Iterator<Item = &'static str> {
    EQUIVALENTS.iter().flat_map(|(names, _)| names.split_whitespace())
}

const EQUIVALENTS: &[(&str, Equivalent)] = &[
    ("lr max_lr base_lr", Same("learning_rate")),
    ("num_train_epochs num_epochs n_epochs max_epochs", Same("epochs")),
    ("model_name_or_path model_name model_path model_id pretrained pretrained_model checkpoint_path", Same("checkpoint")),
    ("task_name dataset dataset_name dataset_config_name", Same("task")),
    ("metric_for_best_model eval_metric monitor", Same("metric")),
    ("random_seed manual_seed rng_seed", Same("seed")),
    ("run_name experiment_name", Same("name")),
    ("extends inherit inherits", Same("base")),
    ("use_cpu no_cuda cpu", Switch("device", "cpu")),
    ("gpu cuda use_gpu", Switch("device", "cuda")),
    ("per_device_train_batch_size per_gpu_train_batch_size train_batch_size bs", Same("data.batch_size")),
    ("per_device_eval_batch_size per_gpu_eval_batch_size", Same("data.eval_batch_size")),
    ("max_seq_length max_seq_len max_sequence_length max_len seq_len model_max_length", Same("data.max_length")),
    ("max_train_samples train_size", Same("data.train_limit")),
    ("max_eval_samples max_val_samples", Same("data.eval_limit")),
    ("data_dir train_file validation_file", Other("data.source", "a folder")),
    ("train_sampling_strategy", Other("data.shuffle", "true or false; data.group_by_length batches by length")),
    ("gradient_accumulation_steps accumulate_grad_batches grad_accum", Same("training.gradient_accumulation")),
    ("bf16", Switch("training.precision", "bf16")),
    ("tf32", Switch("training.precision", "tf32")),
    (
        "fp16 half_precision_backend fp16_opt_level fp16_backend",
        Nothing("there is no fp16; training.precision = \"bf16\" needs no loss scaling"),
    ),
    ("train trainer", Same("training")),
    ("lr_scheduler_type lr_scheduler scheduler", Same("schedule.kind")),
    ("num_warmup_steps", Same("schedule.warmup_steps")),
    ("warmup_proportion", Same("schedule.warmup_ratio")),
    ("adam_epsilon eps", Same("optimizer.epsilon")),
    ("adam_beta1", Same("optimizer.beta1")),
    ("adam_beta2", Same("optimizer.beta2")),
    ("wd", Same("optimizer.weight_decay")),
    ("label_smoothing_factor label_smoothing_epsilon smoothing", Same("loss.label_smoothing")),
    ("class_weight label_weights loss_weights", Same("loss.class_weights")),
    ("criterion loss_fn loss_function", Same("loss")),
    (
        "pos_weight",
        Nothing("the loss of several labels has no weights; class_weights in the table [loss] are for one of several classes"),
    ),
    ("grad_clip gradient_clip_val clip_grad_norm max_norm", Same("optimizer.max_grad_norm")),
    ("dropout_rate hidden_dropout_prob attention_probs_dropout_prob classifier_dropout", Same("model.dropout")),
    ("eval_steps", Same("evaluation.every")),
    ("eval_strategy evaluation_strategy", Other("evaluation.every", "\"epoch\" or a number of steps")),
    ("logging_steps logging_strategy", Other("logging.every", "a number of steps")),
    ("save_steps save_strategy", Other("checkpoints.every", "\"epoch\", a number of steps or \"10 minutes\"")),
    ("save_total_limit", Other("checkpoints.keep", "[\"best\", \"last\"] or a number")),
    ("load_best_model_at_end", Nothing("the best checkpoint by `metric` is always kept, as checkpoints/best")),
    ("greater_is_better", Nothing("each metric knows its direction")),
    ("betas", Nothing("the settings are `beta1` and `beta2` in the table [optimizer]")),
    (
        "optim optim_args optim_target_modules adafactor",
        Nothing("the optimizer is AdamW; its settings are in the table [optimizer]"),
    ),
    ("lr_scheduler_kwargs", Nothing("the settings of the schedule are in the table [schedule]")),
    (
        "data_seed full_determinism",
        Nothing("`seed` alone decides the order of the examples; runs on the CPU are always deterministic"),
    ),
    ("seeds", Nothing("seeds of a sweep: `seeds = [1, 2, 3]` in the table [sweep], or `gluepot sweep --seeds 1..3`")),
    ("do_train do_eval use_legacy_prediction_loop prediction_loss_only", Nothing("every run trains and evaluates")),
    (
        "do_predict max_predict_samples test_file",
        Nothing("there is no prediction for a test split; predictions/validation.csv holds those for the validation split"),
    ),
    (
        "pad_to_max_length dataloader_drop_last",
        Nothing("batches are not padded to a fixed length, and the last, smaller one is kept"),
    ),
    ("output_dir overwrite_output_dir", Nothing("every run gets a directory of its own; --runs DIR sets the folder for runs")),
    (
        "report_to project trackio_space_id trackio_bucket_id trackio_static_space_id logging_dir wandb \
         wandb_project tensorboard",
        Nothing(
            "nothing is sent to a service; metrics/*.csv in the run directory holds the metrics, and `gluepot report` plots them",
        ),
    ),
    (
        "push_to_hub hub_token hub_private_repo hub_model_id hub_strategy hub_always_push hub_revision \
         push_to_hub_model_id push_to_hub_organization push_to_hub_token",
        Nothing("runs are not uploaded; the folders in checkpoints/ can be, as they are"),
    ),
    ("model_revision revision", Nothing("the revision is part of the name: checkpoint = \"id@revision\"")),
    ("cache_dir overwrite_cache", Nothing("the hub's cache is set by the environment: HF_HOME or HF_HUB_CACHE")),
    ("token use_auth_token", Nothing("the hub's token is set by the environment: HF_TOKEN")),
    (
        "tokenizer_name config_name use_fast_tokenizer trust_remote_code ignore_mismatched_sizes model_type \
         do_lower_case",
        Nothing("tokenizer and configuration are the checkpoint's own; a classifier of another shape is initialized randomly"),
    ),
    (
        "gradient_checkpointing gradient_checkpointing_kwargs activation_checkpointing \
         activation_checkpointing_kwargs torch_compile torch_compile_backend torch_compile_mode torchdynamo \
         use_liger_kernel liger_kernel_config use_cache torch_empty_cache_steps jit_mode_eval use_ipex \
         auto_find_batch_size bf16_full_eval fp16_full_eval",
        Nothing("there is no such setting; data.batch_size and training.gradient_accumulation trade memory for time"),
    ),
    (
        "local_rank ddp_find_unused_parameters ddp_bucket_cap_mb ddp_broadcast_buffers ddp_static_graph \
         ddp_backend ddp_timeout fsdp fsdp_config fsdp_min_num_params fsdp_transformer_layer_cls_to_wrap deepspeed \
         accelerator_config parallelism_config average_tokens_across_devices log_on_each_node save_on_each_node \
         log_level_replica dispatch_batches split_batches sharded_ddp tpu_num_cores tpu_metrics_debug \
         use_mps_device xpu_backend ray_scope mp_parameters n_gpu num_gpus gpus world_size strategy \
         eval_use_gather_object",
        Nothing("a run trains on one device; `gluepot sweep --jobs N` trains several runs in parallel"),
    ),
    (
        "dataloader_num_workers dataloader_pin_memory dataloader_persistent_workers dataloader_prefetch_factor \
         dataloader_multiprocessing_context dataloader_in_order num_workers preprocessing_num_workers \
         remove_unused_columns label_names length_column_name",
        Nothing("data is encoded once and kept in memory; there are no data loader processes to configure"),
    ),
    ("neftune_noise_alpha", Nothing("there is no NEFTune noise; model.dropout is the only noise")),
    (
        "early_stopping early_stopping_patience patience",
        Nothing("there is no early stopping; checkpoints/best is the best checkpoint, and [sweep.prune] stops weak variants"),
    ),
    (
        "logging_first_step logging_nan_inf_filter include_num_input_tokens_seen include_tokens_per_second \
         log_level disable_tqdm skip_memory_metrics debug verbose",
        Nothing("progress is printed unless --quiet is given; logging.every sets the rows of metrics/train.csv"),
    ),
    (
        "eval_delay eval_on_start eval_do_concat_batches eval_accumulation_steps include_for_metrics \
         include_inputs_for_metrics batch_eval_metrics past_index",
        Nothing("evaluation has one setting, `every` in the table [evaluation]; metrics are computed over the whole split"),
    ),
    (
        "save_only_model save_safetensors enable_jit_checkpoint",
        Nothing("checkpoints are safetensors; what to keep and how often to save is set in the table [checkpoints]"),
    ),
    (
        "resume_from_checkpoint ignore_data_skip restore_callback_states_from_checkpoint resume",
        Nothing("`gluepot resume RUN` continues a run exactly where it stopped"),
    ),
    ("num_labels problem_type", Nothing("the task decides the labels")),
];
