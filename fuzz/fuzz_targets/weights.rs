//! A checkpoint's files of any bytes: safetensors, PyTorch's format, and config.json.
#![no_main]

use gluepot::checkpoint::{Weights, initialize};
use gluepot::architecture::{Config, table};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, content)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    match kind % 3 {
        0 => {
            if let Ok(config) = Config::parse(&String::from_utf8_lossy(content)) {
                let small = [config.vocab_size, config.hidden_size, config.intermediate_size, config.max_position_embeddings];
                if small.iter().all(|size| *size < 1000) && config.num_hidden_layers < 10 {
                    let _ = initialize(&config, &table(&config, 2), None, 1);
                }
            }
        }
        other => {
            let name = if other == 1 { "model.safetensors" } else { "pytorch_model.bin" };
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let _ = Weights::read(&path);
        }
    }
});
