//! A checkpoint's files of any bytes: safetensors, PyTorch's format, and config.json.
#![no_main]

use gluepot::architecture::Architecture;
use gluepot::checkpoint::{Classifier, Weights, initialize};
use gluepot::task::Head;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, content)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    match kind % 3 {
        0 => {
            if let Ok(architecture) = Architecture::parse(&String::from_utf8_lossy(content)) {
                let parameters = architecture.parameters(&Head::Value);
                if parameters.iter().map(|parameter| parameter.elements()).sum::<usize>() < 10_000_000 {
                    let _ = initialize(&parameters, None, &Classifier::default(), 1);
                }
            }
        }
        other => {
            let name = if other == 1 { "model.safetensors" } else { "pytorch_model.bin" };
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let _ = Weights::read(&path, &Architecture::parse("{}").unwrap());
        }
    }
});
