//! EventBridge event patterns: parse, match.
