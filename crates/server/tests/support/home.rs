//! A directory of its own for each test: configuration, data, logs, and the binary run in it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::until;

/// The secret of the generic source.
pub(crate) const SECRET: &str = "whsec-of-the-generic-source";

/// A directory with a configuration that a server can be started from.
pub(crate) struct Home {
    directory: TempDir,
    environment: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A process that does not outlive its handle.
pub(crate) struct Process(Child);

impl Home {
    /// A home whose configuration is [`Self::configure`]d with `changes`.
    pub(crate) fn new(changes: &str) -> Self {
        let home = Self {
            directory: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
        };
        home.configure(changes);
        home
    }

    /// Writes the configuration: ports of its own, a quick gateway, the generic source with
    /// [`SECRET`], and whatever `changes` (TOML) say otherwise.
    pub(crate) fn configure(&self, changes: &str) {
        let mut config: toml::Table = toml::from_str(&format!(
            "server.listen = '127.0.0.1:0'
             admin.listen = '127.0.0.1:0'
             store.path = '{}'
             gateway.simulated = {{ latency_ms = 0, failure_percent = 0 }}
             log = {{ format = 'json', filter = 'debug' }}
             [sources.generic]
             secrets = [{{ value = '{SECRET}', in_clear = true, label = 'main' }}]",
            self.data().display()
        ))
        .unwrap();
        merge(&mut config, toml::from_str(changes).unwrap());
        self.write("payhook.toml", &config.to_string());
    }

    /// Adds a variable to the environment of every later run; there are no others.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Takes it away again.
    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.retain(|(other, _)| other != name);
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Everything that runs of `name` have written to standard error.
    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(format!("{name}.err"))).unwrap()
    }

    /// Starts the binary with the configuration.
    pub(crate) fn spawn(&self, name: &str, arguments: &[&str]) -> Process {
        let config = self.path().join("payhook.toml");
        let mut all = vec!["--config", config.to_str().unwrap()];
        all.extend(arguments);
        self.spawn_bare(name, &all)
    }

    /// Starts the binary with the configuration, under a program that watches it and leaves it its
    /// process id.
    pub(crate) fn spawn_under(&self, name: &str, prefix: &[&str], arguments: &[&str]) -> Process {
        let config = self.path().join("payhook.toml");
        let binary = binary();
        let mut all = prefix.to_vec();
        all.extend([
            binary.to_str().unwrap(),
            "--config",
            config.to_str().unwrap(),
        ]);
        all.extend(arguments);
        let (program, arguments) = all.split_first().unwrap();
        self.spawn_program(name, Path::new(program), arguments)
    }

    /// Starts the binary with exactly these arguments.
    pub(crate) fn spawn_bare(&self, name: &str, arguments: &[&str]) -> Process {
        self.spawn_program(name, &binary(), arguments)
    }

    fn spawn_program(&self, name: &str, program: &Path, arguments: &[&str]) -> Process {
        let file = |suffix: &str| {
            let path = self.path().join(format!("{name}.{suffix}"));
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .unwrap()
        };
        let child = Command::new(program)
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .unwrap();
        Process(child)
    }

    /// Runs a verb with the configuration to its end; arguments are split at spaces.
    pub(crate) fn run(&self, arguments: &str) -> Ended {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        self.finish(|name| self.spawn(name, &arguments))
    }

    /// Runs a verb without the configuration to its end; arguments are split at spaces.
    pub(crate) fn run_bare(&self, arguments: &str) -> Ended {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        self.finish(|name| self.spawn_bare(name, &arguments))
    }

    fn finish(&self, start: impl FnOnce(&str) -> Process) -> Ended {
        let outputs = ["run.out", "run.err"].map(|name| self.path().join(name));
        for output in &outputs {
            // It is not there before the first run.
            let _ = fs::remove_file(output);
        }
        let code = start("run").wait();
        let [stdout, stderr] = outputs.map(|path| fs::read_to_string(path).unwrap());
        Ended {
            code,
            stdout,
            stderr,
        }
    }
}

impl Ended {
    /// What was printed, as JSON, of a run that ended with `code`.
    #[track_caller]
    pub(crate) fn json(&self, code: i32) -> Value {
        assert_eq!(self.code, code, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// That the run could not do what it was asked, and says each of `texts`.
    #[track_caller]
    pub(crate) fn fails_with(&self, texts: &[&str]) {
        assert_eq!(self.code, 2, "{self:?}");
        for text in texts {
            assert!(
                self.stderr.contains(text),
                "{text:?} is missing in {self:?}"
            );
        }
    }
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// The exit code of a process that has ended by itself; −1 for one that was killed.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let status = self.0.try_wait().unwrap()?;
        Some(status.code().unwrap_or(-1))
    }

    /// Waits for its end and says its exit code.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> i32 {
        until("the process has ended", || self.ended())
    }

    /// Asks it to stop, as a service manager does.
    pub(crate) fn terminate(&self) {
        // The standard library can only kill; asking is the `kill` command's business.
        let asked = Command::new("kill").arg(self.id().to_string()).status();
        assert!(asked.unwrap().success());
    }

    /// Ends it without warning, as a power cut would (`kill -9`).
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail when it has ended, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The binary under test: the one that was built with the tests, or another, such as a release
/// build, in `PAYHOOK_BIN`.
fn binary() -> PathBuf {
    std::env::var_os("PAYHOOK_BIN")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_payhook")), Into::into)
}

fn merge(into: &mut toml::Table, from: toml::Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(into)), toml::Value::Table(from)) => merge(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}
