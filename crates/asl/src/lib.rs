//! Amazon States Language: parse, validate, advance. Pure and synchronous.
