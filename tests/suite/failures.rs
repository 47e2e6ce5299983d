//! Error messages: each case with its message (a snapshot) and its exit code.
//!
//! No case may panic or leave a run directory that looks finished.

use crate::redactor::{Redactor, snapshot};
use crate::shell::Shell;
use crate::support::project;

/// A valid experiment: the tiny BERT on the demonstration's data, in copies that a case may damage.
const EXPERIMENT: &str = "task = \"mrpc\"\ncheckpoint = \"./bert\"\nlearning_rate = 1e-3\nepochs = 1\nmetric = \"f1\"\n\
                          [data]\nsource = \"./glue\"\ntrain_limit = 64\neval_limit = 32\n";

pub fn sound() -> Shell {
    let shell = Shell::new();
    shell.copy(&project("tests/golden/tiny"), "bert");
    shell.copy(&project("experiments/quickstart/MRPC"), "glue/MRPC");
    shell.write("x.toml", EXPERIMENT);
    shell
}

/// Runs `x.toml` and compares the messages with a snapshot.
fn fails(name: &str, code: i32, shell: &Shell, arguments: &[&str]) {
    let done = shell.gluepot(arguments);
    judge(name, code, shell, &done);
}

fn judge(name: &str, code: i32, shell: &Shell, done: &crate::shell::Done) {
    assert_eq!(done.code, code, "{name}: {done:?}");
    assert!(!done.err.contains("panicked") && !done.err.contains("RUST_BACKTRACE"), "{name}: {}", done.err);
    if let Ok(runs) = std::fs::read_dir(shell.path("runs")) {
        for run in runs.flatten() {
            assert!(!run.path().join("summary.json").exists(), "{name}: the run looks finished");
            let facts = std::fs::read_to_string(run.path().join("run.json")).unwrap_or_default();
            assert!(!facts.contains("\"finished\""), "{name}: the run looks finished");
        }
    }
    snapshot!(name, &Redactor::new(shell).identities(shell).redact(&done.err));
}

fn experiment(name: &str, text: &str) {
    let shell = sound();
    shell.write("x.toml", text);
    fails(name, 3, &shell, &["run", "x.toml"]);
}

#[test]
fn the_sound_experiment_runs() {
    let shell = sound();
    let done = shell.gluepot(&["run", "x.toml", "--quiet"]);
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn an_experiment_that_is_no_experiment() {
    fails("missing-file", 3, &sound(), &["run", "absent.toml"]);
    fails("folder-as-file", 3, &sound(), &["run", "bert"]);
    experiment(
        "not-toml",
        "task = \"mrpc\"\ncheckpoint = bert-base\nlearning_rate 1e-3\nepochs = 1\n[data\nsource = \"./glue\"\n",
    );
    experiment("typographic-quotes", &EXPERIMENT.replace("\"mrpc\"", "“mrpc”").replace("epochs = 1", "epochs = 1 // one"));
    experiment(
        "keys-of-another-tool-alone",
        "task_name = \"mrpc\"\nmodel_name_or_path = \"./bert\"\nlr = 1e-3\nmetric = \"f1\"\n[train]\nbf16 = true\n[data]\nshuffle = \"False\"\n",
    );
    experiment("duplicate-key", &EXPERIMENT.replace("epochs = 1", "epochs = 1\nepochs = 2"));
    experiment("missing-keys", "epochs = 1\n");
    let shell = sound();
    shell.write("x.toml", b"task = \"mrpc\xff\"\n");
    fails("not-utf8", 3, &shell, &["run", "x.toml"]);
}

#[test]
fn keys_and_values_that_do_not_exist() {
    experiment("unknown-key", &EXPERIMENT.replace("train_limit", "train_limmit"));
    experiment("key-of-another-tool", &format!("num_train_epochs = 3\n{EXPERIMENT}"));
    experiment("key-in-the-wrong-table", &format!("batch_size = 16\n{EXPERIMENT}"));
    experiment(
        "wrong-type",
        &EXPERIMENT.replace("epochs = 1", "epochs = \"1\"").replace("train_limit = 64", "train_limit = 6.5"),
    );
    experiment("unknown-task", &EXPERIMENT.replace("\"mrpc\"", "\"sst-2\""));
    experiment("empty-text", &EXPERIMENT.replace("\"./glue\"", "\"\""));
    experiment("number-too-large", &EXPERIMENT.replace("epochs = 1", "epochs = 4294967296"));
    experiment("dotted-key-in-quotes", &EXPERIMENT.replace("epochs = 1", "epochs = 1\n\"data.batch_size\" = 4"));
    experiment("learning-rate-zero", &EXPERIMENT.replace("1e-3", "0"));
    experiment("learning-rate-nan", &EXPERIMENT.replace("1e-3", "nan"));
    experiment(
        "everything-at-once",
        "task = \"mrcp\"\ncheckpoint = 7\nlearning_rate = -1\nepoch = 3\nmetric = \"f2\"\ndevice = \"gpu\"\n\
         [data]\nbatch_size = 0\nshufle = false\n[schedule]\nkind = \"cosin\"\nwarmup_steps = 5\nwarmup_ratio = 0.1\n\
         [checkpoints]\nkeep = [\"bets\"]\n[evaluation]\nevery = \"epochs\"\n",
    );
}

#[test]
fn settings_that_do_not_fit_together() {
    experiment("metric-of-another-task", &EXPERIMENT.replace("metric = \"f1\"", "metric = \"pearson\""));
    experiment("two-warmups", &format!("{EXPERIMENT}[schedule]\nwarmup_steps = 2\nwarmup_ratio = 0.1\n"));
    experiment("warmup-too-long", &format!("{EXPERIMENT}[schedule]\nwarmup_steps = 100\n"));
    experiment("max-length-too-long", &EXPERIMENT.replace("train_limit = 64", "max_length = 512"));
    experiment("no-decay-of-nothing", &format!("{EXPERIMENT}[optimizer]\nno_decay = [\"bias\", \"layernorm\"]\n"));
    let shell = sound();
    shell.write("glue/MRPC/train.tsv", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n");
    fails("empty-split", 3, &shell, &["run", "x.toml"]);
}

#[test]
fn layers_that_are_wrong() {
    let shell = sound();
    shell.write("x.toml", format!("base = \"y.toml\"\n{EXPERIMENT}"));
    fails("missing-base", 3, &shell, &["run", "x.toml"]);
    shell.write("y.toml", "base = \"x.toml\"\n");
    fails("base-in-a-circle", 3, &shell, &["run", "x.toml"]);
    shell.write("y.toml", "seed = -1\n[optimizer]\nbeta1 = 1.0\n");
    fails("wrong-in-the-base", 3, &shell, &["run", "x.toml"]);
    fails("wrong-in-set", 3, &sound(), &["run", "x.toml", "--set", "data.batch_size=many", "--set", "optimizer.momentum=0.9"]);
    fails("base-in-set", 3, &sound(), &["run", "x.toml", "--set", "base=y.toml"]);
    fails("seed-too-large", 3, &sound(), &["run", "x.toml", "--set", "seed=18446744073709551615"]);
    fails("set-without-value", 2, &sound(), &["run", "x.toml", "--set", "data.batch_size"]);
    fails("unknown-device", 2, &sound(), &["run", "x.toml", "--device", "tpu"]);
    let mut shell = sound();
    shell.set("GLUEPOT_DATA_BATCH_SIZE", "0");
    shell.set("GLUEPOT_OPTIMISER_EPSILON", "1e-6");
    fails("wrong-in-the-environment", 3, &shell, &["run", "x.toml"]);
}

#[test]
fn data_that_cannot_be_used() {
    fails("missing-data-folder", 4, &sound(), &["run", "x.toml", "--set", "data.source=./gleu"]);
    fails("data-folder-without-the-task", 4, &sound(), &["run", "x.toml", "--set", "data.source=./bert"]);
    let header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";
    let cases: [(&str, Vec<u8>); 6] = [
        ("row-with-too-few-columns", format!("{header}1\t1\t2\tone\ttwo\n0\t3\t4\tone\n").into_bytes()),
        ("row-with-a-tab-too-many", format!("{header}1\t1\t2\tone\ttwo\tthree\n").into_bytes()),
        ("label-out-of-range", format!("{header}1\t1\t2\tone\ttwo\n2\t3\t4\tone\ttwo\n").into_bytes()),
        ("label-of-words", format!("{header}equivalent\t1\t2\tone\ttwo\n").into_bytes()),
        ("row-not-utf8", [header.as_bytes(), b"1\t1\t2\tone\t\xff\xfe\n"].concat()),
        ("header-without-a-column", b"label\tsentence1\tsentence2\n1\tone\ttwo\n".to_vec()),
    ];
    for (name, content) in cases {
        let shell = sound();
        shell.write("glue/MRPC/train.tsv", content);
        fails(name, 4, &shell, &["run", "x.toml"]);
    }
    let shell = sound();
    std::fs::remove_file(shell.path("glue/MRPC/dev.tsv")).unwrap();
    shell.write("glue/MRPC/validation-00000-of-00001.parquet", b"PAR1 and then nothing");
    fails("damaged-parquet", 4, &shell, &["run", "x.toml"]);
    let shell = sound();
    std::fs::remove_file(shell.path("glue/MRPC/train.tsv")).unwrap();
    let part = std::fs::read(project("tests/golden/tiny/parquet/train-00000-of-00001.parquet")).unwrap();
    shell.write("glue/MRPC/train-00000-of-00002.parquet", &part);
    fails("missing-part-of-a-split", 4, &shell, &["run", "x.toml"]);
    shell.write("glue/MRPC/train-00001-of-00002.parquet", &part);
    let done = shell.gluepot(&["check", "x.toml", "--json", "--set", "data.train_limit=1000"]);
    assert!(done.out.contains("\"train\": 320"), "{done:?}");
}

#[test]
fn checkpoints_that_cannot_be_used() {
    let shell = sound();
    shell.write("run/checkpoints/best", "step-000001");
    fails("run-as-checkpoint", 5, &shell, &["run", "x.toml", "--set", "checkpoint=./run"]);
    fails("missing-checkpoint", 5, &sound(), &["run", "x.toml", "--set", "checkpoint=./bart"]);
    let weights = std::fs::read(project("tests/golden/tiny/model.safetensors")).unwrap();
    let config = std::fs::read_to_string(project("tests/golden/tiny/config.json")).unwrap();
    let of_type = |kind: &str| config.replace("\"model_type\": \"bert\"", &format!("\"model_type\": \"{kind}\"")).into_bytes();
    let mut huge = u64::MAX.to_le_bytes().to_vec();
    huge.extend(b"{}");
    let cases: [(&str, &str, Vec<u8>); 18] = [
        (
            "dropout-above-one",
            "config.json",
            config.replace("\"hidden_dropout_prob\": 0.1", "\"hidden_dropout_prob\": 1.5").into_bytes(),
        ),
        (
            "fewer-segments-than-sentences",
            "config.json",
            config.replace("\"type_vocab_size\": 2", "\"type_vocab_size\": 1").into_bytes(),
        ),
        ("weights-that-are-not-finite", "model.safetensors", not_finite(&weights)),
        ("damaged-tokenizer-config", "tokenizer_config.json", b"{".to_vec()),
        ("truncated-safetensors", "model.safetensors", weights[..weights.len() / 2].to_vec()),
        ("empty-safetensors", "model.safetensors", Vec::new()),
        ("hostile-safetensors", "model.safetensors", huge),
        (
            "weights-of-another-shape",
            "config.json",
            config.replace("\"intermediate_size\": 64", "\"intermediate_size\": 48").into_bytes(),
        ),
        (
            "weights-of-fewer-layers",
            "config.json",
            config.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3").into_bytes(),
        ),
        ("another-architecture", "config.json", of_type("big-new-thing")),
        ("deberta-v1", "config.json", of_type("deberta")),
        ("a-decoder", "config.json", of_type("llama")),
        ("an-encoder-with-a-decoder", "config.json", of_type("t5")),
        (
            "a-model-with-code",
            "config.json",
            config.replace("\"bert\"", "\"jina\", \"auto_map\": {\"AutoModel\": \"x.Y\"}").into_bytes(),
        ),
        ("broken-config", "config.json", config[..100].to_string().into_bytes()),
        (
            "heads-that-do-not-divide",
            "config.json",
            config.replace("\"num_attention_heads\": 4", "\"num_attention_heads\": 5").into_bytes(),
        ),
        ("broken-tokenizer", "tokenizer.json", b"{\"model\": {\"type\": \"Unknown\"}}".to_vec()),
        ("vocabulary-without-sep", "vocab.txt", b"[PAD]\n[UNK]\n[CLS]\nthe\n".to_vec()),
    ];
    for (name, file, content) in cases {
        let shell = sound();
        shell.write(&format!("bert/{file}"), content);
        fails(name, 5, &shell, &["run", "x.toml"]);
    }
    let shell = sound();
    shell.write("bert/tokenizer_config.json", "{\"model_max_length\": 3}");
    fails("too-few-tokens-allowed", 3, &shell, &["run", "x.toml"]);
    let shell = sound();
    std::fs::remove_file(shell.path("bert/vocab.txt")).unwrap();
    fails("no-tokenizer", 5, &shell, &["run", "x.toml"]);
    let shell = sound();
    std::fs::remove_file(shell.path("bert/model.safetensors")).unwrap();
    fails("no-weights", 5, &shell, &["run", "x.toml"]);
    shell.write("bert/pytorch_model.bin", b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.");
    fails("hostile-pickle", 5, &shell, &["run", "x.toml"]);
    let shell = sound();
    let words: Vec<String> = (0..400).map(|n| format!("word{n}")).collect();
    shell.write("bert/vocab.txt", format!("[PAD]\n[UNK]\n[CLS]\n{}\n[SEP]\n", words.join("\n")));
    fails("tokenizer-of-another-model", 5, &shell, &["run", "x.toml"]);
}

/// A file's name must not be mistaken for a failure of the machine.
#[test]
fn a_checkpoint_named_after_a_failure_of_the_machine() {
    let shell = sound();
    shell.copy(&project("tests/golden/tiny"), "out_of_memory");
    shell.write("out_of_memory/model.safetensors", b"damaged");
    shell.write("x.toml", EXPERIMENT.replace("./bert", "./out_of_memory"));
    let done = shell.gluepot(&["run", "x.toml"]);
    assert_eq!(done.code, 5, "{done:?}");
}

fn not_finite(safetensors: &[u8]) -> Vec<u8> {
    let mut bytes = safetensors.to_vec();
    let data = 8 + usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    bytes[data..data + 4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    bytes
}

#[test]
fn one_bad_experiment_among_several_stops_all_of_them_before_the_first() {
    let shell = sound();
    shell.copy(&shell.path("bert"), "broken");
    shell.write("broken/model.safetensors", b"");
    shell.write("y.toml", EXPERIMENT.replace("./bert", "./broken"));
    let done = shell.gluepot(&["run", "x.toml", "y.toml"]);
    assert_eq!(done.code, 5, "{done:?}");
    assert!(!shell.path("runs").exists());
    assert_eq!(shell.gluepot(&["check", "y.toml"]).code, 5);
}

#[test]
fn one_experiment_that_fails_does_not_take_the_others_with_it() {
    let shell = sound();
    shell.write("y.toml", EXPERIMENT.replace("1e-3", "1e38"));
    fails("one-of-several", 9, &shell, &["run", "y.toml", "x.toml", "--quiet", "--runs", "several"]);
    assert_eq!(std::fs::read_dir(shell.path("several")).unwrap().count(), 2);
}

/// Run as another user if the tests run as root, who has access to everything.
#[test]
#[ignore = "needs a user other than root, or setpriv to become one"]
fn folders_that_may_not_be_read() {
    let shell = sound();
    let program = shell.path("gluepot");
    std::fs::copy(env!("CARGO_BIN_EXE_gluepot"), &program).unwrap();
    let prepare = "chmod 755 . && chmod 000 glue/MRPC && ";
    let run = "./gluepot run x.toml --runs ./made";
    let unprivileged = "if [ \"$(id -u)\" != 0 ]; then P=; elif command -v setpriv >/dev/null; then P='setpriv --reuid=65534 --regid=65534 --clear-groups'; else echo 'no setpriv' >&2; exit 77; fi; ";
    let done = shell.sh(&format!("{prepare}{unprivileged}$P {run}"));
    judge("folder-that-may-not-be-read", 4, &shell, &done);
    let done = shell.sh(&format!(
        "chmod 755 glue/MRPC && mkdir -p locked && chmod 555 locked && {unprivileged}$P ./gluepot run x.toml --runs ./locked/runs"
    ));
    judge("runs-folder-that-may-not-be-written", 8, &shell, &done);
}

#[test]
fn models_that_no_memory_can_hold() {
    let shell = sound();
    shell.write(
        "bert/config.json",
        "{\"model_type\": \"bert\", \"vocab_size\": 10000000, \"hidden_size\": 65536, \"num_attention_heads\": 4}",
    );
    fails("too-large-a-model", 10, &shell, &["run", "x.toml", "--set", "model.initialize=random"]);
}

#[test]
fn devices_and_hubs_that_are_not_there() {
    fails("offline-and-not-cached", 6, &sound(), &["run", "x.toml", "--set", "checkpoint=bert-base-uncased"]);
    fails("tf32-on-the-cpu", 3, &sound(), &["run", "x.toml", "--device", "cpu", "--set", "training.precision=tf32"]);
    if cfg!(not(feature = "cuda")) {
        fails("tf32-on-what-is-there", 3, &sound(), &["run", "x.toml", "--set", "training.precision=tf32"]);
    }
    if cfg!(not(feature = "cuda")) {
        fails("cuda-not-built", 7, &sound(), &["run", "x.toml", "--device", "cuda:1"]);
    }
}

#[test]
fn run_directories_that_cannot_be_written() {
    let shell = sound();
    shell.write("runs-file", "");
    fails("runs-is-a-file", 8, &shell, &["run", "x.toml", "--runs", "runs-file"]);
    fails("runs-below-a-file", 8, &shell, &["run", "x.toml", "--runs", "runs-file/below"]);
    // No file may grow beyond 30 KiB: the checkpoint cannot be written, as on a full disk.
    let done = shell.sh("ulimit -f 60; exec \"$GLUEPOT\" run x.toml --quiet");
    judge("file-size-limit", 8, &shell, &done);
}

#[test]
fn training_that_diverges() {
    let shell = sound();
    fails("diverged", 9, &shell, &["run", "x.toml", "--quiet", "--set", "learning_rate=1e38"]);
    let facts = std::fs::read_to_string(shell.run().join("run.json")).unwrap();
    assert!(facts.contains("\"diverged\"") && facts.contains("\"code\": 9"), "{facts}");
}

#[test]
fn runs_that_do_not_exist() {
    fails("no-runs", 2, &sound(), &["show", "latest"]);
    let shell = sound();
    shell.write("runs/2026-01-01T00-00-00Z_x_abcdef/run.json", "{");
    fails("damaged-run", 8, &shell, &["show", "latest"]);
    fails("damaged-run-by-name", 8, &shell, &["show", "runs/2026-01-01T00-00-00Z_x_abcdef"]);
}
