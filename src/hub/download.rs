//! Bringing a file's bytes into the cache: whole and proven, or not at all.

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

/// How often in a row a connection may break without bringing much.
const MOST_BREAKS: u32 = 5;

/// What a connection must bring so that its end costs no try.
const MUCH: u64 = 1 << 16;

/// A file that is on its way.
pub(super) struct Download<'a> {
    pub client: &'a Client,
    pub cache: &'a RepositoryCache,
    /// Its name, for people.
    pub name: &'a str,
    pub url: &'a Url,
    pub content: &'a Content,
    /// Whether a bar is drawn.
    pub bar: bool,
    pub say: &'a dyn Fn(&str),
}

/// What keeps a part from becoming a whole.
enum Incomplete {
    /// What is here is not the beginning of the file, or not the file.
    Wrong(String),
    /// Nothing more came.
    Still,
    /// The connection broke in the middle.
    Broke(String),
    /// What asking once more does not mend.
    Fault(Fault),
}

impl From<Fault> for Incomplete {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Download<'_> {
    /// The file's blob, downloaded unless it is there and right.
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
        // What an earlier download left may be anything, so that a wrong whole is made once more from nothing.
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
            // Where locks do nothing, another process may have been as fast.
            Err(_) if self.is_there(&blob) => Ok(blob),
            Err(error) => Err(disk(&blob, &error)),
            Ok(()) => Ok(blob),
        }
    }

    /// Whether the blob is right; a wrong one, of whatever origin, is in the way.
    fn is_there(&self, blob: &Path) -> bool {
        let right = self.content.is(blob);
        if matches!(right, Ok(false)) {
            let _ = fs::remove_file(blob);
        }
        right.unwrap_or(false)
    }
}

/// A file that grows.
struct PartialFile<'a> {
    download: &'a Download<'a>,
    path: &'a Path,
    file: File,
    hasher: Hasher,
    length: u64,
    bar: Bar,
}

impl<'a> PartialFile<'a> {
    /// Takes up what is there, if the end can show whether it was right.
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

    /// Asks for the rest until all of it is there, and proves it.
    fn fill(&mut self) -> Result<(), Incomplete> {
        let content = self.download.content;
        let waits = self.download.client.later_waits();
        let (mut silences, mut breaks) = (0, 0);
        // Also a file of no bytes is asked for once, so that there is one.
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

    /// One request, and what it brings.
    fn take_more(&mut self, wait: Duration) -> Result<(), Incomplete> {
        let download = self.download;
        let range = (self.length > 0).then_some((self.length, None));
        let request = Request { url: download.url.clone(), range, waits: download.client.first_waits(Patience::Full) };
        let answer = download.client.ask(&request, Patience::Full, download.say)?;
        let packed = answer.encoding();
        if self.length > 0 && (packed.is_some() || answer.status == 200) {
            // The server knows no ranges, or means those of something else.
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

    /// Takes a body as it comes.
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
        // Whoever ends without a word has no more to say; connections that break are told from that.
        if self.length == end { Ok(()) } else { Err(Incomplete::Wrong(format!("{} of {end} bytes arrived", self.length))) }
    }

    /// Takes a body that a server on the way has packed.
    fn unpack(&mut self, answer: &Answer, wait: Duration) -> Result<(), Incomplete> {
        self.restart()?;
        self.file.seek(SeekFrom::Start(0)).map_err(self.disk())?;
        let mut decoder = GzDecoder::new(Vec::new());
        let damaged = |_| Incomplete::Wrong("the response cannot be decompressed".into());
        while let Some(bytes) = next(answer, wait)? {
            // In small steps: little can become much.
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
