//! From an older format to this one, one version at a time, each in one transaction.
//!
//! Never backwards: a file of a later payhook is refused untouched.

use std::path::Path;

use rusqlite::Connection;

use crate::options::OpenError;
use crate::schema;

/// What each version added. The number of entries is the newest version; entries are never
/// altered once released.
pub(crate) const MIGRATIONS: &[&str] = &[
    schema::VERSION_1,
    schema::VERSION_2,
    schema::VERSION_3,
    schema::VERSION_4,
    schema::VERSION_5,
    schema::VERSION_6,
    schema::VERSION_7,
    schema::VERSION_8,
];

/// The newest format that is known here.
pub(crate) fn newest() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// Brings the database to the newest format.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let unreadable = |error: rusqlite::Error| unreadable(path, &error);
    let version = version(connection, path)?;
    let missing = MIGRATIONS.get(usize::try_from(version).unwrap_or(0)..);
    for (index, script) in missing.unwrap_or_default().iter().enumerate() {
        let reached = version
            .saturating_add(i32::try_from(index).unwrap_or(0))
            .saturating_add(1);
        let transaction = connection.transaction().map_err(unreadable)?;
        transaction.execute_batch(script).map_err(unreadable)?;
        transaction
            .pragma_update(None, "application_id", schema::APPLICATION_ID)
            .map_err(unreadable)?;
        transaction
            .pragma_update(None, "user_version", reached)
            .map_err(unreadable)?;
        transaction.commit().map_err(unreadable)?;
    }
    Ok(())
}

/// The database's format, 0 when it is new. Refuses what is not ours or newer than we are.
pub(crate) fn version(connection: &Connection, path: &Path) -> Result<i32, OpenError> {
    let read = |name: &str| -> Result<i32, OpenError> {
        let value = connection.pragma_query_value(None, name, |row| row.get(0));
        value.map_err(|error| unreadable(path, &error))
    };
    let (owner, found) = (read("application_id")?, read("user_version")?);
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| unreadable(path, &error))?;
    let path = path.to_owned();
    match (owner, tables) {
        (0, 0) => Ok(0),
        (schema::APPLICATION_ID, _) if found > newest() => Err(OpenError::Newer {
            path,
            found,
            known: newest(),
        }),
        (schema::APPLICATION_ID, _) if found >= 1 => Ok(found),
        (_, _) => Err(OpenError::NotOurs { path }),
    }
}

/// What SQLite said about the file, for the operator.
pub(crate) fn unreadable(path: &Path, error: &rusqlite::Error) -> OpenError {
    OpenError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;
    use crate::state::State;

    #[test]
    fn a_store_of_the_first_format_is_brought_up_to_date_with_all_that_it_holds() {
        let path = Path::new("payhook.db");
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(schema::VERSION_1).unwrap();
        connection
            .execute_batch(
                "UPDATE state SET head = 1, events = 1, conflicts = 3;
                 INSERT INTO deliveries VALUES (1, 5, 'old', zeroblob(16), x'', x'7b7d');
                 INSERT INTO events VALUES (1, 1, 'p', 5, 'generic', 'e', '10', 'EUR', 'paid', 'x');",
            )
            .unwrap();
        for (name, value) in [
            ("application_id", schema::APPLICATION_ID),
            ("user_version", 1),
        ] {
            connection.pragma_update(None, name, value).unwrap();
        }
        migrate(&mut connection, path).unwrap();
        assert_eq!(version(&connection, path).unwrap(), newest());
        let kept = rows::event(&connection, 1).unwrap().unwrap();
        let record = kept.outline();
        assert_eq!(
            (record.key.payment_id.as_str(), &record.meaning),
            ("p", &None)
        );
        let state = State::load(&connection).unwrap();
        assert_eq!((state.events, state.conflicts, state.anomalies), (1, 3, 0));
        migrate(&mut connection, path).unwrap();
    }
}
