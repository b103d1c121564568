//! A disk as far as a power cut is concerned: what it has confirmed stays, and of what it has not
//! anything may be there, in any order, and in parts.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::recorded::Done;
use crate::support::luck::Luck;

/// What a disk writes as a whole, in bytes.
const SECTOR: usize = 512;

/// Files as they were last confirmed, and what was done to them since.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    files: BTreeMap<String, File>,
    /// Names that were taken away and may come back.
    ghosts: BTreeMap<String, File>,
}

#[derive(Debug, Clone, Default)]
struct File {
    /// Whether the directory's confirmed names hold it.
    has_sure_name: bool,
    sure: Vec<u8>,
    pending: Vec<Change>,
    /// How many of the pending changes the disk was asked to confirm.
    asked: usize,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
}

/// How much of what is not confirmed survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Survives {
    /// Nothing.
    Nothing,
    /// All of it.
    Everything,
    /// The oldest part of it; the last write of that in parts.
    First,
    /// Whatever luck says, some writes in parts.
    Some,
}

impl Disk {
    /// Takes in what was done.
    pub(crate) fn apply(&mut self, done: &Done) {
        match done {
            Done::Write {
                file,
                offset,
                bytes,
            } => {
                let file = self.files.entry(file.clone()).or_default();
                let end = || file.now().len();
                let offset = offset.map_or_else(end, |at| usize::try_from(at).unwrap());
                let bytes = bytes.clone();
                file.pending.push(Change::Write { offset, bytes });
            }
            Done::Truncate { file, length } => {
                let file = self.files.entry(file.clone()).or_default();
                let length = usize::try_from(*length).unwrap();
                file.pending.push(Change::Truncate(length));
            }
            Done::SyncBegun { file } => {
                if let Some(file) = self.files.get_mut(file) {
                    file.asked = file.pending.len();
                }
            }
            Done::SyncEnded { file } => {
                if let Some(file) = self.files.get_mut(file) {
                    let confirmed: Vec<_> = file.pending.drain(..file.asked).collect();
                    confirmed
                        .iter()
                        .for_each(|change| change.apply(&mut file.sure));
                    file.asked = 0;
                }
            }
            Done::DirectorySynced => {
                self.ghosts.clear();
                for file in self.files.values_mut() {
                    file.has_sure_name = true;
                }
            }
            Done::Unlink { file } => {
                if let Some(gone) = self.files.remove(file) {
                    self.ghosts.insert(file.clone(), gone);
                }
            }
            Done::Rename { from, to } => {
                if let Some(file) = self.files.remove(from) {
                    self.files.insert(to.clone(), file);
                }
            }
            Done::Answered { .. } => {}
        }
    }

    /// The files after a power cut.
    pub(crate) fn after_power_cut(
        &self,
        survives: Survives,
        luck: &mut Luck,
    ) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for (name, ghost) in &self.ghosts {
            let returns = match survives {
                Survives::Nothing | Survives::First => true,
                Survives::Everything => false,
                Survives::Some => luck.below(2) == 0,
            };
            if returns && ghost.has_sure_name {
                files.insert(name.clone(), ghost.after_power_cut(survives, luck));
            }
        }
        for (name, file) in &self.files {
            let is_there = file.has_sure_name
                || match survives {
                    Survives::Nothing => false,
                    Survives::Everything | Survives::First => true,
                    Survives::Some => luck.below(2) == 0,
                };
            if is_there {
                files.insert(name.clone(), file.after_power_cut(survives, luck));
            }
        }
        // It is shared memory: no process ever reads what another one has left.
        files.retain(|name, _| !name.ends_with("-shm"));
        files
    }
}

impl File {
    fn now(&self) -> Vec<u8> {
        let mut bytes = self.sure.clone();
        self.pending
            .iter()
            .for_each(|change| change.apply(&mut bytes));
        bytes
    }

    fn after_power_cut(&self, survives: Survives, luck: &mut Luck) -> Vec<u8> {
        let mut bytes = self.sure.clone();
        let count = self.pending.len() as u64;
        let first = usize::try_from(luck.below(count + 1)).unwrap();
        for (number, change) in self.pending.iter().enumerate() {
            match survives {
                Survives::Nothing => {}
                Survives::Everything => change.apply(&mut bytes),
                Survives::First if number < first => change.apply(&mut bytes),
                Survives::First if number == first => change.apply_in_parts(&mut bytes, luck),
                Survives::First => {}
                Survives::Some => match luck.below(4) {
                    0 | 1 => change.apply(&mut bytes),
                    2 => change.apply_in_parts(&mut bytes, luck),
                    _ => {}
                },
            }
        }
        bytes
    }
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => put(file, *offset, bytes),
            Self::Truncate(length) => file.resize(*length, 0),
        }
    }

    /// Some sectors of a write, the others as they were.
    fn apply_in_parts(&self, file: &mut Vec<u8>, luck: &mut Luck) {
        match self {
            Self::Write { offset, bytes } => {
                let mut at = 0;
                while at < bytes.len() {
                    let end = ((offset + at) / SECTOR + 1) * SECTOR - offset;
                    let end = end.min(bytes.len());
                    if luck.below(2) == 0 {
                        put(file, offset + at, &bytes[at..end]);
                    }
                    at = end;
                }
            }
            Self::Truncate(_) => self.apply(file),
        }
    }
}

fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

/// Writes files into a directory that is empty. For their owner alone, as they were: a master key that
/// others may read is refused.
pub(crate) fn write_all(files: &BTreeMap<String, Vec<u8>>, directory: &Path) {
    for (name, bytes) in files {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(directory.join(name)).unwrap();
        file.write_all(bytes).unwrap();
    }
}

#[test]
fn what_is_confirmed_stays_and_nothing_else_must() {
    let write = |offset, bytes: &[u8]| Done::Write {
        file: "f".to_owned(),
        offset: Some(offset),
        bytes: bytes.to_vec(),
    };
    let file = || "f".to_owned();
    let mut luck = Luck::of(1);
    let mut disk = Disk::default();
    let mut after = |disk: &Disk, survives| {
        let files = disk.after_power_cut(survives, &mut luck);
        files
            .get("f")
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    disk.apply(&write(0, b"abc"));
    assert_eq!(after(&disk, Survives::Nothing), None);
    disk.apply(&Done::SyncBegun { file: file() });
    // What comes while the disk confirms is not confirmed by that.
    disk.apply(&write(1, b"XY"));
    disk.apply(&Done::SyncEnded { file: file() });
    assert_eq!(after(&disk, Survives::Nothing), None, "its name is not");
    disk.apply(&Done::DirectorySynced);
    assert_eq!(after(&disk, Survives::Nothing).as_deref(), Some("abc"));
    assert_eq!(after(&disk, Survives::Everything).as_deref(), Some("aXY"));
    disk.apply(&Done::Truncate {
        file: file(),
        length: 1,
    });
    assert_eq!(after(&disk, Survives::Everything).as_deref(), Some("a"));
    disk.apply(&Done::Unlink { file: file() });
    assert_eq!(after(&disk, Survives::Everything), None);
    assert_eq!(after(&disk, Survives::Nothing).as_deref(), Some("abc"));
    disk.apply(&Done::DirectorySynced);
    assert_eq!(after(&disk, Survives::Nothing), None);
}
