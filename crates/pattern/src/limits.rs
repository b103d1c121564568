//! Every bound of this crate, with its reason. Nothing here may be exceeded by any input: beyond a
//! bound a pattern is refused and an event is an error, never a panic and never endless work.

/// Longest pattern text, in bytes. EventBridge takes 2 048 characters (4 096 on request); the
/// room above that is for people who generate patterns and run them on one machine only.
pub const PATTERN_BYTES_MAX: usize = 64 * 1024;

/// Longest event text, in bytes. A DynamoDB stream record holds two images of at most 400 kB.
pub const EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Deepest nesting of a pattern or an event; the same depth at which `serde_json` stops. In an
/// event that is already a tree, whatever lies deeper counts as absent.
pub const DEPTH_MAX: usize = 128;

/// Most alternatives that all `$or` of one pattern may multiply to. EventBridge's own bound on
/// rule combinations is the same.
pub const BRANCHES_MAX: usize = 1000;

/// Most fields over all branches together; it bounds memory and the time of one match when
/// many `$or` stand beside many plain fields.
pub const TERMS_MAX: usize = 20_000;

/// Most wildcard prefixes that one event value may keep alive at once, over all wildcards of one
/// field. EventBridge refuses patterns beyond its limit with "Rule is too complex"; the limit is
/// not published. Ten refuses what the service was recorded to refuse and accepts what it was
/// recorded to accept; one less or more on either side is not known.
pub const WILDCARD_PREFIXES_MAX: usize = 10;

/// Most sets of wildcard prefixes that are looked at, over a whole pattern, before it counts as too
/// complex; an ordinary wildcard has a few dozen. It bounds the time to parse a pattern.
pub const WILDCARD_SETS_MAX: usize = 20_000;

/// Most choices of array elements that one match may try. Only events that spell one path in
/// several dotted ways can come near it; ordinary arrays cost one choice per element and field.
pub const SEARCH_STEPS_MAX: usize = 1_000_000;

/// Most alternatives of `$or` that an explanation lists; nobody reads more.
pub const EXPLAINED_ALTERNATIVES_MAX: usize = 20;

/// Most values of one field that an explanation lists.
pub const EXPLAINED_VALUES_MAX: usize = 10;

/// Most characters of one value that an explanation quotes.
pub const EXPLAINED_CHARACTERS_MAX: usize = 200;
