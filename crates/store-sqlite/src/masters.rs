//! Which master key a store is opened with, and its ring of wrapping keys at the opening.
//!
//! A store under a key that is not at hand is not opened, and nothing in it is changed.

use std::path::{Path, PathBuf};

use domain::time::Timestamp;
use rusqlite::{Connection, Transaction, params};
use vault::SealError;
use vault::file::{self, KeyFileError};
use vault::key::MasterId;
use vault::ring::{KeptWrapping, Keyring, MasterKeys};

use crate::codec;
use crate::directory;
use crate::fault::Fault;
use crate::options::OpenError;

/// Where the master key comes from.
#[derive(Debug, Clone, Default)]
pub enum MasterSource {
    /// From the file [`KEY_NAME`] in the data directory, made when a store is opened there for the
    /// first time.
    #[default]
    Generated,
    /// From somewhere else, with the keys that were used before.
    Given(MasterKeys),
}

/// Why the keys of a store are not to be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    /// A file with a master key is no good.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The store is sealed under a master key that is not among those given.
    #[error(
        "{} is sealed under master key {needed}, and {}; give that one, or one of before in \
         `previous`. Nothing was changed",
        path.display(),
        those_given(given)
    )]
    Wrong {
        /// The database.
        path: PathBuf,
        /// The key that it takes.
        needed: MasterId,
        /// Those that were given.
        given: Vec<MasterId>,
    },
    /// The store is sealed, and no key was given, and its own is not in its directory.
    #[error(
        "{} is sealed under master key {needed}, and there is no {}: put that file back, or say \
         under [encryption] where the key is. Nothing was changed",
        path.display(),
        file.display()
    )]
    Absent {
        /// The database.
        path: PathBuf,
        /// The key that it takes.
        needed: MasterId,
        /// Where it was looked for.
        file: PathBuf,
    },
    /// A wrapping key does not open though its master key is there: it was altered.
    #[error("{}: a wrapping key does not open: {problem}", path.display())]
    Altered {
        /// The database.
        path: PathBuf,
        /// How.
        problem: SealError,
    },
}

/// The ring of a store that is opened for writing: made if there is none, and taken over by the
/// current master key if it is under an earlier one.
pub(crate) fn open_ring(
    connection: &mut Connection,
    directory: &Path,
    (source, now): (&MasterSource, Timestamp),
) -> Result<(Keyring, MasterKeys), OpenError> {
    let path = directory::database(directory);
    let failed = |fault: Fault| OpenError::Unreadable {
        path: path.clone(),
        reason: fault.to_string(),
    };
    let kept = kept(connection).map_err(failed)?;
    let masters = masters(&kept, directory, source, true)?;
    let transaction = connection
        .transaction()
        .map_err(|error| failed(error.into()))?;
    let kept = if kept.is_empty() {
        let new = masters.new_wrapping(1).map_err(altered(&path))?;
        insert(&transaction, &new.kept, now).map_err(failed)?;
        vec![new.kept]
    } else {
        let mut taken = Vec::new();
        for each in kept {
            let over = masters.take_over(&each).map_err(altered(&path))?;
            if let Some(over) = &over {
                replace(&transaction, over).map_err(failed)?;
            }
            taken.push(over.unwrap_or(each));
        }
        taken
    };
    let ring = Keyring::open(&kept, &masters).map_err(altered(&path))?;
    transaction.commit().map_err(|error| failed(error.into()))?;
    Ok((ring, masters))
}

/// The ring of a store that is opened for looking.
pub(crate) fn read_ring(
    connection: &Connection,
    directory: &Path,
    source: &MasterSource,
) -> Result<Keyring, OpenError> {
    let path = directory::database(directory);
    let kept = kept(connection).map_err(|fault| OpenError::Unreadable {
        path: path.clone(),
        reason: fault.to_string(),
    })?;
    let masters = masters(&kept, directory, source, false)?;
    Ok(Keyring::open(&kept, &masters).map_err(altered(&path))?)
}

/// The wrapping keys as they are kept, oldest first.
pub(crate) fn kept(connection: &Connection) -> Result<Vec<KeptWrapping>, Fault> {
    let mut statement =
        connection.prepare("SELECT id, master, wrapped FROM keyring ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut kept = Vec::new();
    while let Some(row) = rows.next()? {
        kept.push(KeptWrapping {
            id: codec::natural(row.get(0)?)?,
            master: MasterId::from_bytes(row.get(1)?),
            bytes: row.get(2)?,
        });
    }
    Ok(kept)
}

/// Keeps a new wrapping key.
pub(crate) fn insert(
    connection: &Connection,
    new: &KeptWrapping,
    now: Timestamp,
) -> Result<(), Fault> {
    let mut statement = connection
        .prepare("INSERT INTO keyring (id, master, wrapped, made_at) VALUES (?1, ?2, ?3, ?4)")?;
    let (id, master) = (codec::integer(new.id), new.master.as_bytes());
    statement.execute(params![id, master, new.bytes, now.as_millis()])?;
    Ok(())
}

fn replace(transaction: &Transaction<'_>, over: &KeptWrapping) -> Result<(), Fault> {
    let mut statement =
        transaction.prepare("UPDATE keyring SET master = ?2, wrapped = ?3 WHERE id = ?1")?;
    let (id, master) = (codec::integer(over.id), over.master.as_bytes());
    statement.execute(params![id, master, over.bytes])?;
    Ok(())
}

/// The master keys that open all of `kept`.
fn masters(
    kept: &[KeptWrapping],
    directory: &Path,
    source: &MasterSource,
    may_make: bool,
) -> Result<MasterKeys, KeyProblem> {
    let path = directory::database(directory);
    let file = directory.join(KEY_NAME);
    let needed = |masters: &MasterKeys| {
        let mut ids = kept.iter().map(|each| each.master);
        ids.find(|id| !masters.has(*id))
    };
    let masters = match source {
        MasterSource::Given(masters) => {
            // A store that began with a key of its own goes on with the one that is given.
            if needed(masters).is_some() && file.exists() {
                masters.clone().with_previous(file::read(&file)?)
            } else {
                masters.clone()
            }
        }
        MasterSource::Generated if file.exists() => MasterKeys::new(file::read(&file)?, Vec::new()),
        MasterSource::Generated => {
            if let Some(first) = kept.first() {
                let needed = first.master;
                return Err(KeyProblem::Absent { path, needed, file });
            }
            if !may_make {
                let source = std::io::ErrorKind::NotFound.into();
                return Err(KeyFileError::Unreadable { path: file, source }.into());
            }
            let made = file::create(&file)?;
            // The key before what is sealed under it.
            directory::sync(directory)
                .map_err(|source| KeyFileError::Unreadable { path: file, source })?;
            MasterKeys::new(made, Vec::new())
        }
    };
    match needed(&masters) {
        None => Ok(masters),
        Some(needed) => Err(KeyProblem::Wrong {
            path,
            needed,
            given: masters.ids(),
        }),
    }
}

fn altered(path: &Path) -> impl Fn(SealError) -> KeyProblem {
    move |problem| KeyProblem::Altered {
        path: path.to_owned(),
        problem,
    }
}

fn those_given(ids: &[MasterId]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    match ids.len() {
        1 => format!("the key that was given is {}", ids.join("")),
        _ => format!("the keys that were given are {}", ids.join(", ")),
    }
}

/// The master key that a store makes for itself, in its data directory.
pub const KEY_NAME: &str = "master.key";
