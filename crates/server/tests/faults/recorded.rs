//! What a process did to its data directory and what it answered, in order, as `strace` saw it.

use std::collections::BTreeMap;

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Done {
    /// Bytes were written into a file; at its end where there is no offset.
    Write {
        file: String,
        offset: Option<u64>,
        bytes: Vec<u8>,
    },
    /// A file was cut, or lengthened.
    Truncate { file: String, length: u64 },
    /// The disk was asked to confirm what was written into a file so far.
    SyncBegun { file: String },
    /// It has confirmed what it was asked for.
    SyncEnded { file: String },
    /// The disk has confirmed the directory's names.
    DirectorySynced,
    /// A name was taken away.
    Unlink { file: String },
    /// A file got another name.
    Rename { from: String, to: String },
    /// A sender was answered that the webhook for this payment is kept.
    Answered { payment: String },
}

/// The system calls that are recorded.
pub(crate) const CALLS: &str =
    "pwrite64,write,writev,sendto,fsync,fdatasync,ftruncate,unlink,rename";

/// Reads what `strace -f -y -xx -e trace=CALLS` has written about the files in `directory`.
///
/// What is written or answered counts from its call on, what is confirmed from its return.
pub(crate) fn read(text: &str, directory: &str) -> Vec<Done> {
    let mut reading = Reading {
        directory: format!("{directory}/"),
        syncing: BTreeMap::new(),
        done: Vec::new(),
    };
    for line in text.lines() {
        let (process, call) = line.split_once(' ').unwrap();
        reading.call(process, call.trim_start());
    }
    reading.done
}

struct Reading {
    directory: String,
    /// What each thread waits for.
    syncing: BTreeMap<String, Option<String>>,
    done: Vec<Done>,
}

impl Reading {
    fn call(&mut self, process: &str, call: &str) {
        if call.starts_with("<... f") {
            // Only who syncs is waited for; see above.
            if let Some(file) = self.syncing.remove(process) {
                self.synced(file);
            }
            return;
        }
        let Some((name, arguments)) = call.split_once('(') else {
            return;
        };
        match name {
            "pwrite64" | "write" => self.write(name, arguments),
            "writev" | "sendto" => self.answer(arguments),
            "fsync" | "fdatasync" => self.sync(process, arguments),
            "ftruncate" => {
                let length = number_after(arguments, ">, ");
                if let (Some(file), Some(length)) = (self.file_of(arguments), length) {
                    self.done.push(Done::Truncate { file, length });
                }
            }
            "unlink" | "rename" => self.name(name, arguments),
            _ => {}
        }
    }

    fn write(&mut self, name: &str, arguments: &str) {
        let Some(file) = self.file_of(arguments) else {
            return;
        };
        let bytes = quoted(arguments).concat();
        let offset = (name == "pwrite64").then(|| {
            let after = arguments.rsplit_once('"').unwrap().1;
            after.split(", ").nth(2).and_then(leading_number).unwrap()
        });
        self.done.push(Done::Write {
            file,
            offset,
            bytes,
        });
    }

    fn answer(&mut self, arguments: &str) {
        let said = quoted(arguments).concat();
        let said = String::from_utf8_lossy(&said);
        // The front door alone says what became of a webhook.
        if !said.starts_with("HTTP/1.1 200") || !said.contains("\r\nx-payhook-outcome: ") {
            return;
        }
        let payment = said.split("\"paymentId\":\"").nth(1);
        if let Some((payment, _)) = payment.and_then(|rest| rest.split_once('"')) {
            let payment = payment.to_owned();
            self.done.push(Done::Answered { payment });
        }
    }

    fn sync(&mut self, process: &str, arguments: &str) {
        let path = path_of(arguments).unwrap_or_default();
        let file = match path.strip_prefix(&self.directory) {
            Some(file) => Some(file.to_owned()),
            None if format!("{path}/") == self.directory => None,
            None => return,
        };
        if let Some(file) = &file {
            let file = file.clone();
            self.done.push(Done::SyncBegun { file });
        }
        if arguments.ends_with("<unfinished ...>") {
            self.syncing.insert(process.to_owned(), file);
        } else {
            self.synced(file);
        }
    }

    fn synced(&mut self, file: Option<String>) {
        self.done.push(match file {
            Some(file) => Done::SyncEnded { file },
            None => Done::DirectorySynced,
        });
    }

    fn name(&mut self, name: &str, arguments: &str) {
        let paths = quoted(arguments);
        let mut files = paths.iter().map(|path| {
            let path = String::from_utf8_lossy(path).into_owned();
            path.strip_prefix(&self.directory).map(str::to_owned)
        });
        match (name, files.next().flatten(), files.next().flatten()) {
            ("unlink", Some(file), _) => self.done.push(Done::Unlink { file }),
            ("rename", Some(from), Some(to)) => self.done.push(Done::Rename { from, to }),
            (_, _, _) => {}
        }
    }

    /// The file in the directory that the first argument is open on.
    fn file_of(&self, arguments: &str) -> Option<String> {
        let path = path_of(arguments)?;
        path.strip_prefix(&self.directory).map(str::to_owned)
    }
}

/// The path behind a file descriptor, such as `12<\x2f\x74>`.
fn path_of(arguments: &str) -> Option<String> {
    let (descriptor, rest) = arguments.split_once('<')?;
    let is_descriptor = descriptor.bytes().all(|byte| byte.is_ascii_digit());
    let (path, _) = rest.split_once('>').filter(|_| is_descriptor)?;
    Some(String::from_utf8_lossy(&unhexed(path)).into_owned())
}

fn number_after(text: &str, before: &str) -> Option<u64> {
    leading_number(text.split_once(before)?.1)
}

fn leading_number(text: &str) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    text.get(..end.unwrap_or(text.len()))?.parse().ok()
}

/// Every quoted string, as bytes.
fn quoted(text: &str) -> Vec<Vec<u8>> {
    // Within the quotes everything is in hexadecimal, so no quote is quoted.
    text.split('"').skip(1).step_by(2).map(unhexed).collect()
}

fn unhexed(text: &str) -> Vec<u8> {
    let digits = text.split("\\x").skip(1);
    digits
        .map(|digits| u8::from_str_radix(&digits[..2], 16).unwrap())
        .collect()
}

#[test]
fn what_strace_writes_is_read_in_its_order() {
    let hex =
        |text: &str| -> String { text.bytes().map(|byte| format!("\\x{byte:02x}")).collect() };
    let text = format!(
        "7 pwrite64(3<{db}>, \"{ab}\", 2, 4096) = 2\n\
         7 fdatasync(3<{db}> <unfinished ...>\n\
         8 write(9<{other}>, \"{ab}\", 2) = 2\n\
         8 writev(5<{socket}>, [{{iov_base=\"{head}\", iov_len=1}}, {{iov_base=\"{body}\", iov_len=2}}], 2) = 3\n\
         7 <... fdatasync resumed>) = 0\n\
         7 ftruncate(3<{db}>, 77) = 0\n\
         7 fsync(4<{dir}>) = 0\n\
         7 rename(\"{db}\", \"{db}2\") = 0\n\
         7 unlink(\"{db}2\") = 0\n",
        db = hex("/d/a.db"),
        ab = hex("ab"),
        other = hex("/e/a.db"),
        socket = hex("socket:[1]"),
        head = hex("HTTP/1.1 200 OK\r\nx-payhook-outcome: stored\r\n\r\n"),
        body = hex("{\"paymentId\":\"p-1\"}"),
        dir = hex("/d"),
    )
    .replace("2\") =", &format!("{}\") =", hex("2")));
    let file = || "a.db".to_owned();
    let expected = [
        Done::Write {
            file: file(),
            offset: Some(4096),
            bytes: b"ab".to_vec(),
        },
        Done::SyncBegun { file: file() },
        Done::Answered {
            payment: "p-1".to_owned(),
        },
        Done::SyncEnded { file: file() },
        Done::Truncate {
            file: file(),
            length: 77,
        },
        Done::DirectorySynced,
        Done::Rename {
            from: file(),
            to: "a.db2".to_owned(),
        },
        Done::Unlink {
            file: "a.db2".to_owned(),
        },
    ];
    assert_eq!(read(&text, "/d"), expected);
}
