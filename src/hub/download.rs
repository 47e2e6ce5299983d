//! Downloads files into the cache: complete and verified, or not at all.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::write::GzDecoder;

use super::cache::RepositoryCache;
use super::client::{Answer, Client, Patience, Request};
use super::content::{Content, Hasher};
use super::error::Fault;
use super::lock::lock;
use super::url::Url;
use crate::terminal::Bar;

/// The number of consecutive broken connections with little progress that are tolerated.
const MOST_BREAKS: u32 = 5;

/// The number of bytes after which a broken connection counts as progress.
const MUCH: u64 = 1 << 16;

/// A file being downloaded.
pub(super) struct Download<'a> {
    pub client: &'a Client,
    pub cache: &'a RepositoryCache,
    /// The file's name in messages.
    pub name: &'a str,
    pub url: &'a Url,
    pub content: &'a Content,
    /// Whether to draw a progress bar.
    pub bar: bool,
    pub say: &'a dyn Fn(&str),
}

/// Why a partial file could not be completed.
enum Incomplete {
    /// The partial file is not a prefix of the announced file, or the complete file has the wrong hash.
    Wrong(String),
    /// No more bytes arrived in time.
    Still,
    /// The connection broke during the transfer.
    Broke(String),
    /// An error that retrying does not fix.
    Fault(Fault),
}

impl From<Fault> for Incomplete {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Download<'_> {
    /// Returns the path of the file's blob, downloading it unless a valid one is cached.
    pub fn fetch(&self) -> Result<PathBuf, Fault> {
        let blob = self.cache.blob(&self.content.name);
        if self.is_there(&blob) {
            return Ok(blob);
        }
        let partial = self.cache.partial(&self.content.name);
        let waiting = || (self.say)(&format!("waiting for another process that downloads {}", self.name));
        let _lock = lock(&self.cache.lock(&self.content.name), &partial, waiting)?;
        if self.is_there(&blob) {
            return Ok(blob);
        }
        let disk = |path: &Path, error: &io::Error| Fault::Disk(path.to_path_buf(), error.to_string());
        if let Some(folder) = blob.parent() {
            fs::create_dir_all(folder).map_err(|error| disk(folder, &error))?;
        }
        // The partial file of an earlier download may be corrupt, so a mismatch is retried once from scratch.
        for again in [true, false] {
            match PartialFile::open(self, &partial).and_then(|mut part| part.fill()) {
                Ok(()) => break,
                Err(Incomplete::Fault(fault)) => return Err(fault),
                Err(Incomplete::Still) => return Err(Fault::Silent(self.client.later_waits().iter().sum())),
                Err(Incomplete::Broke(reason)) => return Err(Fault::Broken(reason)),
                Err(Incomplete::Wrong(reason)) => {
                    fs::remove_file(&partial).map_err(|error| disk(&partial, &error))?;
                    if !again {
                        return Err(Fault::Wrong(reason));
                    }
                }
            }
        }
        match fs::rename(&partial, &blob) {
            // If locks do not work here, another process may have finished first.
            Err(_) if self.is_there(&blob) => Ok(blob),
            Err(error) => Err(disk(&blob, &error)),
            Ok(()) => Ok(blob),
        }
    }

    /// Whether a valid blob exists; removes an invalid one.
    fn is_there(&self, blob: &Path) -> bool {
        let right = self.content.is(blob);
        if matches!(right, Ok(false)) {
            let _ = fs::remove_file(blob);
        }
        right.unwrap_or(false)
    }
}

/// A partially downloaded file.
struct PartialFile<'a> {
    download: &'a Download<'a>,
    path: &'a Path,
    file: File,
    hasher: Hasher,
    length: u64,
    bar: Bar,
}

impl<'a> PartialFile<'a> {
    /// Opens a partial file and keeps its bytes if the final hash can show whether they were right.
    fn open(download: &'a Download<'a>, path: &'a Path) -> Result<Self, Incomplete> {
        let disk = |error: io::Error| Fault::Disk(path.to_path_buf(), error.to_string());
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path).map_err(disk)?;
        let content = download.content;
        let bar = Bar::of_bytes(download.name, content.size, download.bar);
        let mut part = Self { download, path, hasher: content.hasher(), length: 0, bar, file };
        let there = part.file.metadata().map_err(disk)?.len();
        if content.can_be_proven() && there <= content.size {
            part.length = part.hasher.read(&mut &part.file, there).map_err(disk)?;
        } else {
            part.restart()?;
        }
        Ok(part)
    }

    fn disk(&self) -> impl Fn(io::Error) -> Fault + use<> {
        let path = self.path.to_path_buf();
        move |error| Fault::Disk(path.clone(), error.to_string())
    }

    fn restart(&mut self) -> Result<(), Fault> {
        self.file.set_len(0).map_err(self.disk())?;
        self.hasher = self.download.content.hasher();
        self.length = 0;
        Ok(())
    }

    /// Requests the remaining bytes until the file is complete, then verifies it.
    fn fill(&mut self) -> Result<(), Incomplete> {
        let content = self.download.content;
        let waits = self.download.client.later_waits();
        let (mut silences, mut breaks) = (0, 0);
        // An empty file is also requested once, so that it gets created.
        let mut asked = content.size > 0 && self.length == content.size;
        while !asked || self.length < content.size {
            asked = true;
            let (before, missing) = (self.length, content.size - self.length);
            let stop = self.take_more(waits[silences]).err();
            let brought = self.length.saturating_sub(before);
            match stop {
                None => {}
                Some(Incomplete::Still) if silences + 1 < waits.len() => silences += 1,
                Some(Incomplete::Broke(_)) if brought >= MUCH || brought * 100 > missing => breaks = 0,
                Some(Incomplete::Broke(_)) if breaks < MOST_BREAKS => {
                    breaks += 1;
                    std::thread::sleep(Duration::from_millis(100 << breaks));
                }
                Some(stop) => return Err(stop),
            }
        }
        self.bar.clear();
        let hasher = std::mem::replace(&mut self.hasher, content.hasher());
        if !content.proves(hasher) {
            return Err(Incomplete::Wrong("the downloaded file does not have the announced hash".into()));
        }
        self.file.sync_all().map_err(self.disk())?;
        Ok(())
    }

    /// Makes one request and stores the bytes that it returns.
    fn take_more(&mut self, wait: Duration) -> Result<(), Incomplete> {
        let download = self.download;
        let range = (self.length > 0).then_some((self.length, None));
        let request = Request { url: download.url.clone(), range, waits: download.client.first_waits(Patience::Full) };
        let answer = download.client.ask(&request, Patience::Full, download.say)?;
        let packed = answer.encoding();
        if self.length > 0 && (packed.is_some() || answer.status == 200) {
            // The server does not support ranges, or the range refers to the compressed data.
            self.restart()?;
            if packed.is_some() {
                return Err(Incomplete::Broke("the server compresses parts of files".into()));
            }
        }
        let wrong = |reason: &str| Err(Incomplete::Wrong(reason.into()));
        match answer.status {
            200 => {}
            206 => match answer.content_range() {
                Some((first, last, total))
                    if first == self.length && first <= last && last < total && total == download.content.size => {}
                _ => return wrong("the server sent another part of the file, or of another file, than was requested"),
            },
            416 => return wrong("the server has no more of the file than is here"),
            status => return Err(Fault::Status(status, None).into()),
        }
        match packed.as_deref() {
            None => self.receive(&answer, wait),
            Some("gzip" | "x-gzip") => self.unpack(&answer, wait),
            Some(other) => {
                Err(Fault::NotHub(format!("the server compresses the file ({other}), which was not requested")).into())
            }
        }
    }

    /// Stores an uncompressed body.
    fn receive(&mut self, answer: &Answer, wait: Duration) -> Result<(), Incomplete> {
        let promised = match answer.content_range().filter(|_| answer.status == 206) {
            Some((first, last, _)) => last - first + 1,
            None => self.download.content.size,
        };
        if answer.content_length().is_some_and(|length| length != promised) {
            return Err(Incomplete::Wrong(format!(
                "the file has {} bytes, but other sizes are sent",
                self.download.content.size
            )));
        }
        let end = self.length + promised;
        self.file.seek(SeekFrom::Start(self.length)).map_err(self.disk())?;
        while let Some(bytes) = next(answer, wait)? {
            self.keep(&bytes)?;
        }
        // A body that ends cleanly but early is wrong; broken connections are reported as errors above.
        if self.length == end { Ok(()) } else { Err(Incomplete::Wrong(format!("{} of {end} bytes arrived", self.length))) }
    }

    /// Stores a body that a server or proxy compressed with gzip.
    fn unpack(&mut self, answer: &Answer, wait: Duration) -> Result<(), Incomplete> {
        self.restart()?;
        self.file.seek(SeekFrom::Start(0)).map_err(self.disk())?;
        let mut decoder = GzDecoder::new(Vec::new());
        let damaged = |_| Incomplete::Wrong("the response cannot be decompressed".into());
        while let Some(bytes) = next(answer, wait)? {
            // In small steps, because a few bytes can expand to many.
            for step in bytes.chunks(1 << 10) {
                decoder.write_all(step).map_err(damaged)?;
                let unpacked = std::mem::take(decoder.get_mut());
                self.keep(&unpacked)?;
            }
        }
        let rest = decoder.finish().map_err(damaged)?;
        self.keep(&rest)?;
        let size = self.download.content.size;
        if self.length == size { Ok(()) } else { Err(Incomplete::Wrong(format!("{} of {size} bytes arrived", self.length))) }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Incomplete> {
        let size = self.download.content.size;
        if self.length + bytes.len() as u64 > size {
            return Err(Incomplete::Wrong(format!("more bytes arrive than the {size} that were announced")));
        }
        self.file.write_all(bytes).map_err(self.disk())?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        self.bar.set_position(self.length);
        Ok(())
    }
}

fn next(answer: &Answer, wait: Duration) -> Result<Option<Vec<u8>>, Incomplete> {
    answer.next(wait).map_err(|fault| match fault {
        Fault::Silent(_) => Incomplete::Still,
        Fault::Broken(reason) => Incomplete::Broke(reason),
        fault => Incomplete::Fault(fault),
    })
}
