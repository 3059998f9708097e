//! Statements as the store asks them: one round trip each, with nothing left behind in the session.
//!
//! Statements are sent unprepared, with the types of their parameters: a pooler between (PgBouncer in transaction mode, or a
//! managed one) may give every transaction another session. Parsing again costs the database some 50 µs where a round trip
//! within a data centre costs 200.

use std::time::Duration;

use bytes::BytesMut;
use deadpool_postgres::{Client, Transaction};
use tokio_postgres::{
    IsolationLevel, Row,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};
use truyvet_crypto::{Day, Timestamp};
use truyvet_matching::{Digest, Region};

use super::failure::Result;
use crate::store::StoreError;

/// What a transaction sees of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Nothing: as if each ran alone. Those that cannot be made so fail and are tried again.
    Serializable,
    /// Each statement what is committed when it begins: for work that locks the rows it depends on, and waits for them.
    ReadCommitted,
    /// The same for all rows of a window, of a list, of a day.
    Bulk,
    /// Everything as of one moment, for reading alone.
    Snapshot,
}

impl Isolation {
    /// How long a transaction may take from its beginning to its commit, before the other end counts as gone.
    pub(super) fn limit(self) -> Duration {
        match self {
            Self::Serializable | Self::ReadCommitted | Self::Snapshot => Duration::from_secs(10),
            // Moving the keys of the largest windows to the published ones takes seconds.
            Self::Bulk => Duration::from_secs(120),
        }
    }
}

/// Where statements go.
pub(super) enum Sql<'a> {
    /// Each is a transaction of its own.
    Single(&'a Client),
    /// All are one.
    Transaction(Transaction<'a>),
}

impl<'a> Sql<'a> {
    /// Begins a transaction, which is rolled back unless it is committed.
    pub(super) async fn begin(client: &'a mut Client, isolation: Isolation) -> Result<Self> {
        let transaction = client.build_transaction();
        let transaction = match isolation {
            Isolation::Serializable => transaction.isolation_level(IsolationLevel::Serializable),
            Isolation::ReadCommitted | Isolation::Bulk => {
                transaction.isolation_level(IsolationLevel::ReadCommitted)
            }
            Isolation::Snapshot => transaction
                .isolation_level(IsolationLevel::RepeatableRead)
                .read_only(true),
        };
        let transaction = transaction.start().await?;
        if isolation != Isolation::Snapshot {
            // Who falls silent in the middle holds rows that others wait for: the database lets go of them, not hours later when
            // the network gives the connection up.
            // Nor does it go on with a statement whose end nobody waits for.
            let seconds = isolation.limit().as_secs().saturating_sub(1);
            transaction
                .batch_execute(&format!(
                    "SET LOCAL idle_in_transaction_session_timeout = '8s'; SET LOCAL statement_timeout = '{seconds}s'"
                ))
                .await?;
        }
        Ok(Self::Transaction(transaction))
    }

    /// Lets no later statement of the transaction wait longer for what others hold.
    pub(super) async fn wait_at_most(&self, limit: &str) -> Result<()> {
        if let Self::Transaction(transaction) = self {
            let set = format!("SET LOCAL lock_timeout = '{limit}'");
            transaction.batch_execute(&set).await?;
        }
        Ok(())
    }

    /// Durable when this returns.
    pub(super) async fn commit(self) -> Result<()> {
        match self {
            Self::Single(_) => Ok(()),
            Self::Transaction(transaction) => Ok(transaction.commit().await?),
        }
    }

    /// Runs a statement; how many rows it changed.
    pub(super) async fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        let typed = typed(values);
        Ok(match self {
            Self::Single(client) => client.execute_typed(sql, &typed).await?,
            Self::Transaction(transaction) => transaction.execute_typed(sql, &typed).await?,
        })
    }

    /// All rows of a query.
    pub(super) async fn rows<T: FromRow>(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<T>> {
        let typed = typed(values);
        let rows = match self {
            Self::Single(client) => client.query_typed(sql, &typed).await?,
            Self::Transaction(transaction) => transaction.query_typed(sql, &typed).await?,
        };
        rows.iter().map(T::from_row).collect()
    }

    /// The first row of a query, if there is any.
    pub(super) async fn optional<T: FromRow>(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Option<T>> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// The row of a query that always has one.
    pub(super) async fn row<T: FromRow>(&self, sql: &str, values: &[Value<'_>]) -> Result<T> {
        let row = self.optional(sql, values).await?;
        row.ok_or_else(|| StoreError::Inconsistent("a query without its row".into()).into())
    }
}

fn typed<'v>(values: &'v [Value<'_>]) -> Vec<(&'v (dyn ToSql + Sync), Type)> {
    values
        .iter()
        .map(|value| (value as &(dyn ToSql + Sync), value.kind()))
        .collect()
}

/// Values of a statement, in the order of `$1`, `$2`, ...
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::store::postgres::sql::Value::from($value)),*] };
}
pub(super) use values;

/// A value that is bound to a statement.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Number(Option<i64>),
    Flag(bool),
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
    Numbers(&'a [i64]),
    Texts(Vec<&'a str>),
    Blobs(&'a [&'a [u8]]),
    OptionalNumbers(Vec<Option<i64>>),
    OptionalFlags(Vec<Option<bool>>),
    OptionalTexts(Vec<Option<&'a str>>),
    OptionalBlobs(Vec<Option<&'a [u8]>>),
}

impl Value<'_> {
    fn kind(&self) -> Type {
        match self {
            Self::Number(_) => Type::INT8,
            Self::Flag(_) => Type::BOOL,
            Self::Text(_) => Type::TEXT,
            Self::Bytes(_) => Type::BYTEA,
            Self::Numbers(_) | Self::OptionalNumbers(_) => Type::INT8_ARRAY,
            Self::OptionalFlags(_) => Type::BOOL_ARRAY,
            Self::Texts(_) | Self::OptionalTexts(_) => Type::TEXT_ARRAY,
            Self::Blobs(_) | Self::OptionalBlobs(_) => Type::BYTEA_ARRAY,
        }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Number(value) => value.to_sql(kind, out),
            Self::Flag(value) => value.to_sql(kind, out),
            // PostgreSQL keeps no NUL, and no text of ours holds one. What comes with one from outside is to match nothing, and
            // not to be an error.
            Self::Text(Some(text)) if text.contains('\0') => {
                text.replace('\0', "\u{fffd}").to_sql(kind, out)
            }
            Self::Text(value) => value.to_sql(kind, out),
            Self::Bytes(value) => value.to_sql(kind, out),
            Self::Numbers(values) => values.to_sql(kind, out),
            Self::Texts(values) => values.to_sql(kind, out),
            Self::Blobs(values) => values.to_sql(kind, out),
            Self::OptionalNumbers(values) => values.to_sql(kind, out),
            Self::OptionalFlags(values) => values.to_sql(kind, out),
            Self::OptionalTexts(values) => values.to_sql(kind, out),
            Self::OptionalBlobs(values) => values.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // The type is said together with the value.
        true
    }

    to_sql_checked!();
}

macro_rules! value_from {
    ($($type:ty => |$value:ident| $made:expr),* $(,)?) => {
        $(impl<'a> From<$type> for Value<'a> {
            fn from($value: $type) -> Self {
                $made
            }
        })*
    };
}

value_from! {
    i64 => |value| Self::Number(Some(value)),
    u8 => |value| Self::Number(Some(value.into())),
    u32 => |value| Self::Number(Some(value.into())),
    // Counts and sizes of ours stay far below 2^63.
    u64 => |value| Self::Number(Some(i64::try_from(value).unwrap_or(i64::MAX))),
    Option<i64> => |value| Self::Number(value),
    Timestamp => |value| Self::Number(Some(value.unix_seconds())),
    Day => |value| Self::Number(Some(value.number().into())),
    bool => |value| Self::Flag(value),
    &'a Region => |value| Self::Text(Some(value.as_str())),
    &'a str => |value| Self::Text(Some(value)),
    &'a String => |value| Self::Text(Some(value)),
    Option<&'a str> => |value| Self::Text(value),
    &'a Option<String> => |value| Self::Text(value.as_deref()),
    &'a [u8] => |value| Self::Bytes(Some(value)),
    &'a Vec<u8> => |value| Self::Bytes(Some(value)),
    &'a [i64] => |value| Self::Numbers(value),
    &'a Vec<i64> => |value| Self::Numbers(value),
    &'a [String] => |value| Self::Texts(value.iter().map(String::as_str).collect()),
    &'a Vec<String> => |value| Self::Texts(value.iter().map(String::as_str).collect()),
    Vec<&'a str> => |value| Self::Texts(value),
    Vec<Option<&'a str>> => |value| Self::OptionalTexts(value),
    &'a Vec<&'a [u8]> => |value| Self::Blobs(value),
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Bytes(Some(value))
    }
}

/// What a column holds, checked: a value that no writer of ours puts there is an error that names the column.
pub(super) trait Column: Sized {
    /// Reads the column at this place.
    fn read(row: &Row, place: usize) -> Result<Self>;
}

macro_rules! column_as_it_is {
    ($($type:ty),*) => {
        $(impl Column for $type {
            fn read(row: &Row, place: usize) -> Result<Self> {
                get(row, place)
            }
        })*
    };
}

column_as_it_is!(
    i64,
    bool,
    String,
    Vec<u8>,
    Option<i64>,
    Option<String>,
    Option<Vec<u8>>
);

macro_rules! column_of {
    ($($type:ty, $stored:ty => |$value:ident| $made:expr);* $(;)?) => {
        $(impl Column for $type {
            fn read(row: &Row, place: usize) -> Result<Self> {
                let $value: $stored = get(row, place)?;
                Ok($made.ok_or_else(|| inconsistent(row, place))?)
            }
        })*
    };
}

column_of! {
    u8, i64 => |value| u8::try_from(value).ok();
    u32, i64 => |value| u32::try_from(value).ok();
    u64, i64 => |value| u64::try_from(value).ok();
    Day, i64 => |value| u32::try_from(value).ok().map(Day::from_number);
    Timestamp, i64 => |value| Timestamp::from_unix_seconds(value);
    Region, &str => |value| value.parse().ok();
    Digest, &[u8] => |value| value.try_into().ok().map(Digest::from_bytes);
}

impl<const N: usize> Column for [u8; N] {
    fn read(row: &Row, place: usize) -> Result<Self> {
        let value: &[u8] = get(row, place)?;
        Ok(value.try_into().map_err(|_| inconsistent(row, place))?)
    }
}

macro_rules! column_that_may_be_null {
    ($($type:ty, $stored:ty);* $(;)?) => {
        $(impl Column for Option<$type> {
            fn read(row: &Row, place: usize) -> Result<Self> {
                let value: Option<$stored> = get(row, place)?;
                value.map(|_| <$type>::read(row, place)).transpose()
            }
        })*
    };
}

column_that_may_be_null! {
    u32, i64;
    Day, i64;
    Timestamp, i64;
    Digest, &[u8];
    [u8; 16], &[u8];
    [u8; 32], &[u8];
}

/// A value of another type than ours, or none, is nothing that a connection did.
fn get<'r, T: FromSql<'r>>(row: &'r Row, place: usize) -> Result<T> {
    Ok(row.try_get(place).map_err(|_| inconsistent(row, place))?)
}

fn inconsistent(row: &Row, place: usize) -> StoreError {
    let name = row.columns().get(place).map_or("?", |column| column.name());
    StoreError::Inconsistent(name.into())
}

/// A row as a tuple of its columns.
pub(super) trait FromRow: Sized {
    /// Reads it.
    fn from_row(row: &Row) -> Result<Self>;
}

macro_rules! row_of {
    ($($column:ident $place:tt),*) => {
        impl<$($column: Column),*> FromRow for ($($column,)*) {
            fn from_row(row: &Row) -> Result<Self> {
                Ok(($($column::read(row, $place)?,)*))
            }
        }
    };
}

row_of!(A 0);
row_of!(A 0, B 1);
row_of!(A 0, B 1, C 2);
row_of!(A 0, B 1, C 2, D 3);
row_of!(A 0, B 1, C 2, D 3, E 4);
row_of!(A 0, B 1, C 2, D 3, E 4, F 5);
row_of!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
row_of!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
row_of!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
row_of!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
row_of!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
row_of!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
