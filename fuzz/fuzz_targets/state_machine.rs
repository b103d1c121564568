//! Any text is a state machine or refused; one that is accepted can be started with any input.
#![no_main]

use asl::advance::{Moment, Run, start};
use asl::context::{Context, MachineType};
use asl::definition::Definition;
use asl::time::Millis;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (text, input) = input;
    let Ok(definition) = Definition::parse(text) else { return };
    let Ok(input) = serde_json::from_str(input) else { return };
    let context = Context {
        execution_id: "arn:aws:states:us-east-1:000000000000:execution:fuzz:fuzz".into(),
        execution_name: "fuzz".into(),
        start_time: Millis(0),
        role_arn: String::new(),
        state_machine_id: String::new(),
        state_machine_name: "fuzz".into(),
        token_prefix: String::new(),
        machine_type: MachineType::Standard,
    };
    let run = Run { definition: &definition, context: &context, input: &input };
    let _ = start(run, &Moment { now: Millis(0), seed: 7 });
});
