//! What a run goes on from, of any bytes: manifests, counters, tensors; and all that `verify` looks at.
#![no_main]

use gluepot::architecture::Architecture;
use gluepot::machine::durable::{check_folder, write_folder};
use gluepot::runs::{RunDirectory, states, verify};
use gluepot::task::Head;
use libfuzzer_sys::fuzz_target;

const CONFIG: &str = r#"{"model_type": "bert", "vocab_size": 4, "hidden_size": 2, "num_hidden_layers": 1,
    "num_attention_heads": 1, "intermediate_size": 2, "max_position_embeddings": 8, "type_vocab_size": 2}"#;
const RUN_FILES: [&str; 6] =
    ["run.json", "summary.json", "metrics/train.csv", "metrics/eval.csv", "predictions/validation.csv", "checkpoints/best"];

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, content)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = folder.path().join("states/step-000001");
    for name in ["states", "metrics", "predictions", "checkpoints/step-000001"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    let head = Head::Classes(vec!["0".into(), "1".into()]);
    let parameters = Architecture::parse(CONFIG).unwrap().parameters(&head);
    let directory = RunDirectory::at(folder.path().to_path_buf());
    match kind % 10 {
        0 => {
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("manifest.json"), content).unwrap();
            let _ = check_folder(&path);
        }
        part @ 1..=3 => {
            let names = ["progress.json", "parameters.safetensors", "first_moments.safetensors"];
            write_folder(&path, |folder| {
                folder.write("progress.json", br#"{"format_version":1}"#)?;
                folder.write(names[usize::from(part) - 1], content)
            })
            .unwrap();
            let _ = states::newest(&directory, &parameters);
        }
        part => {
            let run = include_str!("../corpus/run.json");
            std::fs::write(folder.path().join("run.json"), run).unwrap();
            std::fs::write(folder.path().join(RUN_FILES[usize::from(part) - 4]), content).unwrap();
            let _ = verify(folder.path());
        }
    }
});
