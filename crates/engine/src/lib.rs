//! The motion of payhook: ports, ingress, pipe, runner, supervisor.
