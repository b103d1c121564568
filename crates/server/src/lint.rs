//! What is wrong with a workflow, as `payhook workflow lint`, `payhook config check` and
//! `payhook serve` all say it.
//!
//! The interpreter knows the language; who does the tasks is known here.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use asl::definition::ResourceKind;
use asl::lint::{Called, Code, Finding, Lint, Options, Severity, nearest};
use processor::resource;

use crate::config::Config;

/// Looks through the text of a workflow. `is_served` says that its executions begin with what the
/// pipe sends, which is a list.
pub(crate) fn look<'t>(text: &'t str, config: &Config, is_served: bool) -> Lint<'t> {
    let options = Options {
        input_is_list: is_served,
    };
    let mut lint = Lint::of(text, options);
    let unserved: Vec<(String, String, String)> = lint
        .calls()
        .iter()
        .filter_map(|called| unserved(called, config))
        .collect();
    for (location, message, help) in unserved {
        lint.add(Code::ResourceNotServed, &location, message, Some(help));
    }
    lint
}

/// Findings as text, those that are at least as grave as `least`: each with its line and what to do.
pub(crate) fn explain(lint: &Lint<'_>, (name, text): (&str, &str), least: Severity) -> Vec<String> {
    rendered(lint, (name, text), least, &Renderer::plain())
}

/// The same, coloured.
pub(crate) fn explain_in_colour(
    lint: &Lint<'_>,
    (name, text): (&str, &str),
    least: Severity,
) -> Vec<String> {
    rendered(lint, (name, text), least, &Renderer::styled())
}

/// What keeps a workflow from being run, in one text; none when nothing does.
pub(crate) fn refusal((name, text): (&str, &str), config: &Config) -> Option<String> {
    let lint = look(text, config, true);
    let count = lint.count(Severity::Error);
    (count > 0).then(|| {
        let findings = explain(&lint, (name, text), Severity::Error);
        let errors = if count == 1 { "error" } else { "errors" };
        format!(
            "the workflow definition cannot be run, {name} has {count} {errors}:\n\n{}",
            findings.join("\n\n")
        )
    })
}

fn rendered(
    lint: &Lint<'_>,
    (name, text): (&str, &str),
    least: Severity,
    renderer: &Renderer,
) -> Vec<String> {
    let findings = lint.findings().iter();
    findings
        .filter(|finding| finding.code.severity() <= least)
        .map(|finding| renderer.render(&[group(finding, name, text)]))
        .collect()
}

fn group<'a>(finding: &'a Finding, name: &'a str, text: &'a str) -> Group<'a> {
    let level = match finding.code.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let annotation = AnnotationKind::Primary.span(finding.span.bytes.clone());
    let snippet = Snippet::source(text).path(name).annotation(annotation);
    let group = level
        .primary_title(finding.message.as_str())
        .id(finding.code.as_str())
        .element(snippet);
    match &finding.help {
        None => group,
        // Names of the definition stand in it, which may hold anything.
        Some(help) => group.element(Level::HELP.message(printable(help))),
    }
}

fn printable(text: &str) -> String {
    text.chars()
        .map(|each| if each.is_control() { ' ' } else { each })
        .collect()
}

/// Where, what and what to do, for a task that neither this program nor an endpoint of the
/// configuration would do.
fn unserved(called: &Called<'_>, config: &Config) -> Option<(String, String, String)> {
    let resource = called.resource.as_str();
    let is_mapped = |name: &str| config.tasks.contains_key(name);
    let at = |field: &str| format!("{}/{field}", called.location);
    if is_mapped(resource) {
        return None;
    }
    if resource::invokes_by_name(resource) {
        // The function may be known only at the call; then nothing can be said here.
        let name = called.function?;
        // Ours hands no token on: nobody could ever answer.
        let is_ours = resource == resource::LAMBDA_INVOKE && resource::names_our_function(name);
        let is_served = is_ours || is_mapped(name);
        return (!is_served).then(|| {
            let message = format!(
                "state {} calls the function {name}, which nobody here does",
                called.state
            );
            let field = at("Parameters/FunctionName");
            (field, message, instead_of_function(name, config))
        });
    }
    if resource::is_our_function(resource) {
        return None;
    }
    let message = format!(
        "state {} calls {resource}, which nobody here does",
        called.state
    );
    Some((at("Resource"), message, instead(called, resource, config)))
}

fn instead(called: &Called<'_>, resource: &str, config: &Config) -> String {
    let map = format!("map it to an endpoint of yours: [tasks.{resource:?}] with a url");
    match called.resource.kind() {
        ResourceKind::Lambda => instead_of_function(resource, config),
        ResourceKind::Activity => {
            format!("nobody polls for activities here; {map}, which is called instead")
        }
        ResourceKind::Service { service, .. } => {
            let what = match service.as_str() {
                "states" | "aws-sdk:sfn" => {
                    "put the other state machine into this one, as a Parallel with one branch"
                }
                "http" | "lambda" | "apigateway" => "the endpoint gets the parameters as JSON",
                "sqs"
                | "sns"
                | "events"
                | "eventbridge"
                | "aws-sdk:sqs"
                | "aws-sdk:sns"
                | "aws-sdk:eventbridge" => {
                    "to tell an application what became of a payment there is \
                     [notify.endpoints.NAME]"
                }
                _ => "no service of AWS is called from here",
            };
            format!("{map}; {what}")
        }
    }
}

fn instead_of_function(name: &str, config: &Config) -> String {
    let known = config.tasks.keys().map(String::as_str);
    match nearest(name, known) {
        Some(near) => format!("did you mean {near:?}, which is mapped?"),
        None => format!(
            "call the function {:?}, or map this one to an endpoint of yours: [tasks.{name:?}] \
             with a url",
            resource::FUNCTION_NAME
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(resource: &str, parameters: &str) -> String {
        format!(
            r#"{{"StartAt": "A", "States": {{"A": {{"Type": "Parallel", "Branches": [
                {{"StartAt": "B", "States": {{"B": {{"Type": "Task", "TimeoutSeconds": 5,
                "Resource": "{resource}", "Parameters": {parameters}, "End": true}}}}}}
                ], "End": true}}}}}}"#
        )
    }

    #[test]
    fn what_nobody_does_is_named_with_what_could_be_used_instead() {
        let config = Config::default();
        for (resource, parameters, expected) in [
            (
                "arn:aws:lambda:us-east-1:1:function:payment-processor",
                "{}",
                None,
            ),
            (
                "arn:aws:states:::lambda:invoke",
                r#"{"FunctionName.$": "$.f"}"#,
                None,
            ),
            (
                "arn:aws:states:::lambda:invoke",
                r#"{"FunctionName": "ship"}"#,
                Some("[tasks.\"ship\"]"),
            ),
            (
                "arn:aws:lambda:us-east-1:1:function:ship",
                "{}",
                Some("call the function \"payment-processor\""),
            ),
            (
                "arn:aws:states:::sqs:sendMessage",
                "{}",
                Some("[notify.endpoints.NAME]"),
            ),
            (
                "arn:aws:states:::states:startExecution.sync:2",
                "{}",
                Some("as a Parallel with one branch"),
            ),
            (
                "arn:aws:states:us-east-1:1:activity:x",
                "{}",
                Some("activities"),
            ),
            (
                "arn:aws:states:::dynamodb:getItem",
                "{}",
                Some("no service of AWS"),
            ),
        ] {
            let text = machine(resource, parameters);
            let lint = look(&text, &config, false);
            let found: Vec<&Finding> = lint
                .findings()
                .iter()
                .filter(|it| it.code == Code::ResourceNotServed)
                .collect();
            assert_eq!(found.len(), usize::from(expected.is_some()), "{resource}");
            for (finding, expected) in found.iter().zip(expected) {
                let help = finding.help.as_deref().unwrap_or_default();
                assert!(help.contains(expected), "{help}");
                assert!(
                    finding
                        .pointer
                        .starts_with("/States/A/Branches/0/States/B/")
                );
            }
        }
    }

    #[test]
    fn a_finding_shows_its_line_with_a_caret_and_what_to_do() {
        let text = "{\n  \"StartAt\": \"Pya\",\n  \"States\": {\n    \"Pay\": {\"Type\": \"Succeed\"}\n  }\n}";
        let lint = look(text, &Config::default(), false);
        let shown = explain(&lint, ("a.json", text), Severity::Note);
        assert_eq!(
            shown.join("\n"),
            "error[MISSING_TRANSITION_TARGET]: Missing 'Next' target: Pya\n \
             --> a.json:2:14\n  \
             |\n\
             2 |   \"StartAt\": \"Pya\",\n  \
             |              ^^^^^\n  \
             |\n  \
             = help: did you mean \"Pay\"?"
        );
        assert_eq!(
            refusal(("a.json", text), &Config::default()).map(|it| it.contains("1 error:")),
            Some(true)
        );
    }

    #[test]
    fn the_documentation_says_what_each_code_means() {
        let page = include_str!("../../../docs/workflows.md");
        for code in Code::OWN {
            let row = format!("| `{}` | {} |", code.as_str(), code.severity().as_str());
            assert!(page.contains(&row), "{row}");
        }
    }
}
