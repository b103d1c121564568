//! How the command line finds a running server: a file in the data directory that says where
//! its admin listener is, and the token that opens it.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use engine::clock::Luck;
use serde::{Deserialize, Serialize};

/// The file that says where a server listens. It is there while one runs, and may be left by
/// one that was killed.
const RUNTIME_FILE: &str = "server.json";

/// The file that holds the token.
const TOKEN_FILE: &str = "admin-token";

/// Where a server listens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RuntimeFile {
    /// Its process.
    pub(crate) pid: u32,
    /// Where providers call it.
    pub(crate) listen: SocketAddr,
    /// Where operators call it.
    pub(crate) admin: SocketAddr,
}

impl RuntimeFile {
    /// Writes it.
    pub(crate) fn write(&self, directory: &Path) -> anyhow::Result<()> {
        let path = directory.join(RUNTIME_FILE);
        write_private(&path, &serde_json::to_vec(self)?)
    }

    /// Reads it; `None` when there is none, or half of one.
    pub(crate) fn read(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(directory.join(RUNTIME_FILE)).ok()?).ok()
    }

    /// Takes it away.
    pub(crate) fn remove(directory: &Path) {
        // A file that stays is found to be stale by whoever reads it next.
        let _ = fs::remove_file(directory.join(RUNTIME_FILE));
    }
}

/// The token in the data directory; made when there is none.
pub(crate) fn token(directory: &Path, luck: &dyn Luck) -> anyhow::Result<String> {
    if let Some(token) = kept_token(directory) {
        return Ok(token);
    }
    let token: String = (0..4)
        .map(|_| format!("{:016x}", luck.next_u64()))
        .collect();
    write_private(&directory.join(TOKEN_FILE), token.as_bytes())?;
    Ok(token)
}

/// The token in the data directory.
pub(crate) fn kept_token(directory: &Path) -> Option<String> {
    let token = fs::read_to_string(directory.join(TOKEN_FILE)).ok()?;
    Some(token.trim().to_owned()).filter(|token| !token.is_empty())
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let unfinished: PathBuf = path.with_extension("new");
    let explain = || format!("cannot write {}", path.display());
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished).with_context(explain)?;
    file.write_all(bytes).with_context(explain)?;
    file.sync_all().with_context(explain)?;
    fs::rename(&unfinished, path).with_context(explain)
}
