//! The AWS home's two functions: the front door and the tasks.
//!
//! `webhook-validator` is the engine's own router behind API Gateway, `payment-processor` the
//! processor's own tasks behind Step Functions. What is here is only what the platform asks for:
//! [`environment`] reads what the deployment decided, [`secrets`] follows the secrets as they are
//! rotated, [`gateway`] does so for the gateway's credentials, both out of a [`vault`];
//! [`validator`] and [`processor`] turn the platform's events into calls and answers, [`xray`] its
//! trace header into a trace; [`observe`] says what is logged and traced, and [`sdk`] how long a
//! service may take. The two mains under `bin/` build the adapters and join them.
#![warn(missing_docs)]

pub mod environment;
pub mod secrets;
pub mod vault;
pub mod gateway;
pub mod validator;
pub mod processor;
pub mod xray;
pub mod observe;
pub mod sdk;
