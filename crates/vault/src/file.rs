//! A file that holds a master key: nobody but its owner may read it, and it is never written over.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::SealError;
use crate::key::{MasterKey, NoMasterKey};

/// Why a file gives no master key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read or made.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read it.
    #[error(
        "{} holds a master key and may be read by others (its mode is {mode:o}): chmod 600 it",
        path.display()
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It belongs to somebody else, who can change it whatever its permissions say.
    #[error(
        "{} holds a master key and belongs to user {owner}, who is neither root nor the one that \
         runs payhook: chown it",
        path.display()
    )]
    OthersFile {
        /// The file.
        path: PathBuf,
        /// The number of its owner.
        owner: u32,
    },
    /// What it holds is no master key.
    #[error("{}: {problem}", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: NoMasterKey,
    },
}

/// The master key in `path`: a regular file of this user's or root's that nobody else may read.
///
/// # Errors
/// It is none, or others may read or change it.
pub fn read(path: &Path) -> Result<MasterKey, KeyFileError> {
    let unreadable = |source| KeyFileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    // Of the open file: what the name stands for may change in between.
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("it is no regular file")));
    }
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(KeyFileError::TooOpen { path, mode });
    }
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        let path = path.to_owned();
        return Err(KeyFileError::OthersFile { path, owner });
    }
    let mut text = Zeroizing::new(Vec::with_capacity(KEY_FILE_BYTES_MAX));
    let mut head = file.take(KEY_FILE_BYTES_MAX as u64);
    head.read_to_end(&mut text).map_err(unreadable)?;
    MasterKey::parse(&text).map_err(|problem| KeyFileError::NoKey {
        path: path.to_owned(),
        problem,
    })
}

/// Makes a new master key and keeps it in `path`, durably; its folder must still be synced. A file
/// that is there already is left alone. The caller sees to it that nobody else makes one there at the
/// same moment.
///
/// # Errors
/// There is such a file, or it cannot be made.
pub fn create(path: &Path) -> Result<MasterKey, KeyFileError> {
    let unreadable = |source| KeyFileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let no_key = |problem: SealError| KeyFileError::NoKey {
        path: path.to_owned(),
        problem: problem.into(),
    };
    if path.symlink_metadata().is_ok() {
        return Err(unreadable(io::ErrorKind::AlreadyExists.into()));
    }
    let key = MasterKey::generate().map_err(no_key)?;
    // Under another name until it is whole: half a key would stand in the way of the next start.
    let draft = path.with_extension("draft");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&draft).map_err(unreadable)?;
    file.write_all(&key.text()).map_err(unreadable)?;
    file.sync_all().map_err(unreadable)?;
    std::fs::rename(&draft, path).map_err(unreadable)?;
    Ok(key)
}

/// More than any text of a key has.
const KEY_FILE_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_key_file_is_made_once_and_for_its_owner_alone() {
        let home = tempfile::TempDir::new().unwrap();
        let path = home.path().join("master.key");
        let made = create(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().id(), made.id());
        assert!(matches!(
            create(&path),
            Err(KeyFileError::Unreadable { .. })
        ));
        assert_eq!(read(&path).unwrap().id(), made.id());
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let home = tempfile::TempDir::new().unwrap();
        let path = home.path().join("master.key");
        create(&path).unwrap();
        for mode in [0o400, 0o600] {
            set_mode(&path, mode);
            assert!(read(&path).is_ok(), "{mode:o}");
        }
        for mode in [0o604, 0o640, 0o660, 0o644, 0o610, 0o601] {
            set_mode(&path, mode);
            let refused = read(&path).unwrap_err();
            assert!(
                matches!(refused, KeyFileError::TooOpen { mode: found, .. } if found == mode),
                "{mode:o}: {refused}"
            );
        }
    }

    #[test]
    fn what_is_no_key_is_told_by_its_file_and_not_by_its_bytes() {
        let home = tempfile::TempDir::new().unwrap();
        let path = home.path().join("master.key");
        std::fs::write(&path, "not-a-key-but-secret").unwrap();
        set_mode(&path, 0o600);
        let refused = read(&path).unwrap_err().to_string();
        assert!(refused.contains("master.key"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
        assert!(read(home.path()).is_err(), "a folder");
        assert!(read(&home.path().join("absent")).is_err());
    }
}
