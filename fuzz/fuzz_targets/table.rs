//! GLUE's tables of any bytes: the first byte says which task, and whether the rest is TSV or parquet.
#![no_main]

use gluepot::hub::Hub;
use gluepot::task::{Origin, Reads, Source, glue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The parquet library's panics are caught and become errors; one that is not caught still ends the target.
    std::panic::set_hook(Box::new(|_| {}));
    let Some((kind, content)) = bytes.split_first() else { return };
    let task = &glue::task(if kind & 1 == 0 { "mrpc" } else { "sst2" }).unwrap();
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let names = if kind & 2 == 0 {
        ["train.tsv", "dev.tsv"]
    } else {
        ["train-00000-of-00001.parquet", "validation-00000-of-00001.parquet"]
    };
    for name in names {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let source = Source::find(&Origin::Folder(folder.path().to_path_buf()), task, &Hub::offline()).unwrap();
    let _ = source.train.read(task, Reads::Labeled);
});
