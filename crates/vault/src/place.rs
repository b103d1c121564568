//! What a sealed value is bound to: the table, the row and the column in which it stands. A value
//! that is moved elsewhere, however it is moved, does not open there.

/// A place in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row.
    pub row: Row<'a>,
}

/// What names the row of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row<'a> {
    /// The row that has the key: for values that are sealed before their row has a number. The
    /// number is bound in the wrapping of the key, which no other row has.
    OfKey,
    /// The row of this number.
    Number(u64),
    /// The row of these two numbers: whose, and which of its.
    Pair(u64, u64),
    /// The row of this number and digest: what belongs to a row, and which bytes.
    Hashed(u64, &'a [u8; 32]),
    /// The row of this name and digest.
    Named(&'a str, &'a [u8; 32]),
}

impl Place<'_> {
    /// The additional authenticated data: unlike places have unlike bytes, because each part
    /// stands behind its length or has a fixed one.
    pub(crate) fn authenticated(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(DOMAIN);
        push(&mut bytes, self.table.as_bytes());
        push(&mut bytes, self.column.as_bytes());
        match self.row {
            Row::OfKey => bytes.push(0),
            Row::Number(number) => {
                bytes.push(1);
                bytes.extend_from_slice(&number.to_be_bytes());
            }
            Row::Pair(first, second) => {
                bytes.push(2);
                bytes.extend_from_slice(&first.to_be_bytes());
                bytes.extend_from_slice(&second.to_be_bytes());
            }
            Row::Hashed(number, digest) => {
                bytes.push(3);
                bytes.extend_from_slice(&number.to_be_bytes());
                bytes.extend_from_slice(digest);
            }
            Row::Named(name, digest) => {
                bytes.push(4);
                push(&mut bytes, name.as_bytes());
                bytes.extend_from_slice(digest);
            }
        }
        bytes
    }
}

fn push(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
    bytes.extend_from_slice(part);
}

/// Keeps our seals apart from whatever else may be sealed with the same key.
const DOMAIN: &[u8] = b"payhook seal 1\0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlike_places_are_authenticated_by_unlike_bytes() {
        let digest = [7; 32];
        let rows = [
            Row::OfKey,
            Row::Number(1),
            Row::Number(2),
            Row::Pair(1, 2),
            Row::Pair(2, 1),
            Row::Hashed(1, &digest),
            Row::Hashed(2, &digest),
            Row::Named("a", &digest),
            Row::Named("b", &digest),
        ];
        let names = [("t", "c"), ("tc", ""), ("", "tc"), ("c", "t")];
        let all: Vec<Vec<u8>> = rows
            .into_iter()
            .flat_map(|row| names.map(|(table, column)| Place { table, column, row }))
            .map(|place| place.authenticated())
            .collect();
        for (index, one) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(one), "place {index}");
        }
    }
}
