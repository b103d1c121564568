//! The data directory: its lock, its files and who may read them.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::options::OpenError;

/// The right of this process to write in a data directory. Given back when dropped; the
/// system takes it back when the process dies.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    // Held for its lock. The file stays: removing it would let two processes each lock a
    // file of that name.
    _file: File,
}

impl DirectoryLock {
    /// Creates the directory if there is none, and locks it.
    pub(crate) fn acquire(directory: &Path) -> Result<Self, OpenError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Directory { path, source }
        };
        if !directory.is_dir() {
            let mut builder = DirBuilder::new();
            let made = builder.recursive(true).mode(0o700).create(directory);
            made.map_err(failed(directory))?;
            let parent = directory
                .parent()
                .filter(|path| !path.as_os_str().is_empty());
            sync(parent.unwrap_or(Path::new("."))).map_err(failed(directory))?;
        }
        let lock_file = directory.join(LOCK_NAME);
        let file = private(&lock_file).map_err(failed(&lock_file))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { lock_file }),
            Err(TryLockError::Error(source)) => return Err(failed(&lock_file)(source)),
        }
        // SQLite gives the files beside the database its permissions.
        let database = database(directory);
        drop(private(&database).map_err(failed(&database))?);
        sync(directory).map_err(failed(directory))?;
        Ok(Self { _file: file })
    }
}

/// The database in a data directory.
pub(crate) fn database(directory: &Path) -> PathBuf {
    directory.join(DATABASE_NAME)
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(0o600).open(path)
}

/// Makes the names of new files in `directory` durable.
pub(crate) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

const LOCK_NAME: &str = "payhook.lock";
const DATABASE_NAME: &str = "payhook.db";
