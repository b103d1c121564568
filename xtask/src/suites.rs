//! `cargo xtask test`: the one command that passes every test.
//!
//! A suite is a line of data in [`all`]: what it proves, what must be there first, and how it
//! runs. Whatever can be had without asking is got here; whatever cannot is named, with the
//! command that gets it. No suite may be skipped because something is missing: it fails.

pub(crate) mod need;
pub(crate) mod python;
mod node;
pub(crate) mod bootstraps;
mod browser;
mod emulator;
mod dynamodb_local;
mod crosscheck;
mod count;
mod run;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;

use self::count::Count;
use self::need::Need;
use self::report::Line;
use self::run::Run;

/// One group of tests that runs on its own.
#[derive(Debug)]
pub(crate) struct Suite {
    /// What `--suite` calls it.
    pub(crate) name: &'static str,
    /// What it proves, in one line.
    pub(crate) what: &'static str,
    /// What must be there before it runs.
    pub(crate) needs: &'static [Need],
    /// How it runs.
    pub(crate) run: Run,
    /// Whether `--quick` leaves it out.
    pub(crate) slow: bool,
}

// ---------------------------------------------------------------------------------------------
// THE LIST. One entry a suite, in the order in which they run.
//
// A test target that needs the release binary is listed here as `Run::Target` with
// `needs: &[Need::ReleaseBinary]`; the suite `workspace` then leaves that target out, and the
// target finds the binary's path in the environment variable `PAYHOOK_BIN`.
// ---------------------------------------------------------------------------------------------
/// Every suite.
pub(crate) fn all() -> Vec<Suite> {
    let groups = [rules(), bad_days(), people(), aws()];
    groups.into_iter().flatten().collect()
}

/// Those that need no cloud, and no copy of one.
fn rules() -> Vec<Suite> {
    vec![
        Suite {
            name: "workspace",
            what: "every crate's unit, property, conformance and simulation tests, and the house rules",
            needs: &[Need::Program {
                program: "git",
                apt: "git",
            }],
            run: Run::Workspace,
            slow: false,
        },
        Suite {
            name: "doc",
            what: "the examples in the documentation compile and hold",
            needs: &[],
            run: Run::DocTests,
            slow: true,
        },
        Suite {
            name: "crosscheck",
            what: "the payment providers' own SDKs accept what payhook signs, and sign what it accepts",
            needs: &[Need::Sdks],
            run: Run::CrossCheck {
                package: "payhook-domain",
                target: "crosscheck",
            },
            slow: true,
        },
    ]
}

/// The release binary on bad days, and all of it at once.
fn bad_days() -> Vec<Suite> {
    vec![
        Suite {
            name: "crash",
            what: "the release binary is killed twenty times under load, and loses and doubles nothing",
            needs: &[Need::ReleaseBinary],
            run: Run::Target {
                package: "payhook",
                target: "crash",
            },
            slow: true,
        },
        Suite {
            name: "faults",
            what: "the release binary's disk fails at one call after the other, and the power is cut",
            needs: &[
                Need::ReleaseBinary,
                Need::Program {
                    program: "strace",
                    apt: "strace",
                },
            ],
            run: Run::Target {
                package: "payhook",
                target: "faults",
            },
            slow: true,
        },
        Suite {
            name: "attack",
            what: "the release binary stays within its memory, files and disk under every attack, and recovers",
            needs: &[Need::ReleaseBinary],
            run: Run::Target {
                package: "payhook",
                target: "attack",
            },
            slow: true,
        },
        Suite {
            name: "demo",
            what: "the release binary shows every outcome over real HTTP, killed once on the way",
            needs: &[Need::ReleaseBinary],
            run: Run::Binary {
                arguments: &["demo"],
            },
            slow: true,
        },
    ]
}

/// What people and their programs see of it.
fn people() -> Vec<Suite> {
    vec![
        Suite {
            name: "api",
            what: "the admin API does what its OpenAPI document says, whatever Schemathesis thinks of",
            needs: &[Need::Python],
            run: Run::WithPython {
                package: "payhook",
                target: "openapi",
            },
            slow: true,
        },
        Suite {
            name: "browser",
            what: "people find, understand, redrive and promote in Chromium; axe finds nothing amiss",
            needs: &[Need::ReleaseBinary, Need::Browser],
            run: Run::Browser,
            slow: true,
        },
    ]
}

/// Those of the AWS home.
fn aws() -> Vec<Suite> {
    vec![
        Suite {
            name: "dynamodb",
            what: "the DynamoDB store passes the conformance suite on the emulator of AWS",
            needs: &[Need::Python],
            run: Run::Emulated {
                package: "payhook-store-dynamodb",
                target: "conformance",
            },
            slow: true,
        },
        Suite {
            name: "dynamodb-local",
            what: "and on Amazon's own DynamoDB Local",
            needs: &[Need::DynamoDbLocal],
            run: Run::Isolated {
                package: "payhook-store-dynamodb",
                target: "conformance",
            },
            slow: true,
        },
        Suite {
            name: "traces",
            what: "a real collector of OpenTelemetry gets one webhook's spans from the server, linked",
            needs: &[Need::Python],
            run: Run::WithPython {
                package: "payhook",
                target: "traces",
            },
            slow: true,
        },
        Suite {
            name: "infra",
            what: "the Pulumi program declares what it promises, and linters find nothing in it",
            needs: &[Need::Python, Need::Node],
            run: Run::Npm {
                scripts: &["typecheck", "test", "test:emulator"],
            },
            slow: true,
        },
        Suite {
            name: "aws",
            what: "the same program, deployed to the emulator, settles webhooks with the real functions",
            needs: &[Need::Python, Need::Node, Need::Bootstraps],
            run: Run::Npm {
                scripts: &["test:e2e"],
            },
            slow: true,
        },
    ]
}

/// Builds the release binary and gives its path.
pub(crate) fn release_binary() -> Result<PathBuf> {
    need::provide_release_binary()?;
    run::release_binary()
}

/// Runs the AWS home's webhooks with the functions whose zips are in `programs`.
pub(crate) fn try_functions(programs: &Path) -> Result<ExitCode> {
    need::provide(&[Need::Python, Need::Node])?;
    let count = run::npm(&["test:e2e", "--", "test/e2e/webhooks.test.ts"], programs)?;
    Ok(if count.failed == 0 && count.passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What `cargo xtask test` can be asked.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run only this suite; may be given several times
    #[arg(long = "suite", value_name = "NAME")]
    suites: Vec<String>,
    /// Name the suites and what each needs, and run nothing
    #[arg(long)]
    list: bool,
    /// Leave out the slow suites
    #[arg(long)]
    quick: bool,
}

/// Runs the suites that were asked for. Failing tests are a failing exit code; an error is
/// something that kept the question from being asked.
pub(crate) fn test(options: &Options) -> Result<ExitCode> {
    let every = all();
    let chosen = choose(&every, options)?;
    if options.list {
        report::list(&chosen);
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = Vec::new();
    for (index, suite) in chosen.iter().enumerate() {
        println!(
            "\n=== {}/{} {}: {}",
            index + 1,
            chosen.len(),
            suite.name,
            suite.what
        );
        lines.push(run_one(suite, &every));
    }
    let failed = report::summary(&lines);
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn choose<'a>(every: &'a [Suite], options: &Options) -> Result<Vec<&'a Suite>> {
    for name in &options.suites {
        if !every.iter().any(|suite| suite.name == name) {
            let names: Vec<_> = every.iter().map(|suite| suite.name).collect();
            bail!(
                "there is no suite `{name}`; there are: {}",
                names.join(", ")
            );
        }
    }
    let asked = |suite: &&Suite| {
        options.suites.is_empty() || options.suites.iter().any(|name| name == suite.name)
    };
    Ok(every
        .iter()
        .filter(asked)
        .filter(|suite| !(options.quick && suite.slow))
        .collect())
}

/// Gets what the suite needs and runs it. Whatever goes wrong is this suite's failure and
/// leaves the other suites their turn.
fn run_one(suite: &Suite, every: &[Suite]) -> Line {
    let start = Instant::now();
    let counted = need::provide(suite.needs).and_then(|()| suite.run.run(every));
    let count = match counted {
        Ok(count) => count,
        Err(error) => {
            eprintln!("error: suite {}: {error:#}", suite.name);
            Count {
                passed: 0,
                failed: 1,
            }
        }
    };
    Line {
        name: suite.name,
        count,
        took: start.elapsed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(suites: &[&str], quick: bool) -> Options {
        let suites = suites.iter().map(|&name| name.to_owned()).collect();
        Options {
            suites,
            list: false,
            quick,
        }
    }

    #[test]
    fn suites_have_names_of_their_own() {
        let mut names: Vec<_> = all().iter().map(|suite| suite.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().len());
    }

    #[test]
    fn the_asked_suites_are_chosen() {
        let every = all();
        let names = |options: &Options| -> Vec<&str> {
            choose(&every, options)
                .unwrap()
                .iter()
                .map(|suite| suite.name)
                .collect()
        };
        assert_eq!(names(&options(&["doc"], false)), ["doc"]);
        assert_eq!(names(&options(&[], false)).len(), every.len());
        assert!(!names(&options(&[], true)).contains(&"doc"));
        let refusal = choose(&every, &options(&["dok"], false))
            .unwrap_err()
            .to_string();
        assert!(
            refusal.contains("`dok`") && refusal.contains("workspace, doc"),
            "{refusal}"
        );
    }

    #[test]
    fn a_suite_whose_need_cannot_be_met_fails_and_is_not_skipped() {
        let suite = Suite {
            name: "impossible",
            what: "",
            needs: &[Need::Program {
                program: "no-such-program-here",
                apt: "",
            }],
            run: Run::DocTests,
            slow: false,
        };
        assert_eq!(
            run_one(&suite, &[]).count,
            Count {
                passed: 0,
                failed: 1
            }
        );
    }
}
