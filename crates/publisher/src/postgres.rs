//! PostgreSQL.
//!
//! A row's key is its origin, so that sending it again changes nothing. Tables are made where they are not there, and
//! nothing that is there is ever altered or removed.

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use historian::Logged;
use site::Publish;
use telemetry::{Value, Wall};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Socket, Statement};

use crate::link::{LinkError, Sample, Taken};
use crate::wire;

/// How long a connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long a batch may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The version of the tables that this program knows.
const VERSION: i32 = 1;
/// The latest time that is told: the end of the year 9999.
const MILLIS_MAX: i64 = 253_402_300_799_999;

/// What is made where nothing of it is there. `{schema}` is checked to be a plain name where it is read.
const TABLES: &str = r#"
CREATE TABLE IF NOT EXISTS "{schema}".openrtd_samples (
    site text NOT NULL, boot bigint NOT NULL, sequence bigint NOT NULL,
    time timestamptz NOT NULL, source_time timestamptz, point text NOT NULL, kind text NOT NULL,
    value double precision, state boolean, unit text, quality text NOT NULL, reasons jsonb NOT NULL,
    PRIMARY KEY (site, boot, sequence)
);
CREATE INDEX IF NOT EXISTS openrtd_samples_point_time ON "{schema}".openrtd_samples (site, point, time);
CREATE TABLE IF NOT EXISTS "{schema}".openrtd_events (
    site text NOT NULL, boot bigint NOT NULL, sequence bigint NOT NULL,
    time timestamptz NOT NULL, kind text NOT NULL, subject text NOT NULL, detail jsonb NOT NULL,
    PRIMARY KEY (site, boot, sequence)
);
CREATE INDEX IF NOT EXISTS openrtd_events_time ON "{schema}".openrtd_events (site, time);
CREATE TABLE IF NOT EXISTS "{schema}".openrtd_schema (version integer NOT NULL);
INSERT INTO "{schema}".openrtd_schema SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM "{schema}".openrtd_schema);
"#;

/// Without a target: a table that was made by hand may have `time` in its key, too, as TimescaleDB wants it.
const SAMPLES: &str = r#"
INSERT INTO "{schema}".openrtd_samples
    (site, boot, sequence, time, source_time, point, kind, value, state, unit, quality, reasons)
SELECT $1::text, b, s, to_timestamp(t / 1000.0), to_timestamp(st / 1000.0), p, k, v, d, u, q, r::jsonb
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::float8[],
            $9::boolean[], $10::text[], $11::text[], $12::text[]) AS of (b, s, t, st, p, k, v, d, u, q, r)
ON CONFLICT DO NOTHING
"#;

const EVENTS: &str = r#"
INSERT INTO "{schema}".openrtd_events (site, boot, sequence, time, kind, subject, detail)
SELECT $1::text, b, s, to_timestamp(t / 1000.0), k, o, d::jsonb
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[]) AS of (b, s, t, k, o, d)
ON CONFLICT DO NOTHING
"#;

/// A connection.
pub(crate) struct Postgres {
    client: Client,
    connection: JoinHandle<()>,
    site: String,
    samples: Statement,
    events: Statement,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// What the server said, not only that it said something.
fn told(error: &tokio_postgres::Error) -> LinkError {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    LinkError(match error.as_db_error() {
        Some(db) => format!("{}: {} ({})", db.severity(), db.message(), db.code().code()),
        None => format!("{error}{cause}"),
    })
}

/// Gives `work` its time.
async fn within<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, LinkError> {
    match tokio::time::timeout(patience, work).await {
        Ok(done) => done.map_err(|error| told(&error)),
        Err(_) => Err(LinkError(format!("no answer within {} s", patience.as_secs()))),
    }
}

async fn connect<T>(config: &Config, tls: T) -> Result<(Client, JoinHandle<()>), LinkError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = within(CONNECT_PATIENCE, config.connect(tls)).await?;
    let connection = tokio::spawn(async move {
        // Whoever waits for an answer is told.
        drop(connection.await);
    });
    Ok((client, connection))
}

impl Postgres {
    pub(crate) async fn open(
        place: &Publish,
        url: &str,
        password_file: Option<&Path>,
        schema: &str,
    ) -> Result<Self, LinkError> {
        let mut config: Config = url.parse().map_err(|error| told(&error))?;
        config.application_name("openrtd").connect_timeout(CONNECT_PATIENCE);
        if let Some(file) = password_file {
            let text = tokio::fs::read_to_string(file)
                .await
                .map_err(|error| LinkError(format!("{}: {error}", file.display())))?;
            config.password(text.lines().next().unwrap_or_default());
        }
        let (mut client, connection) = match &place.tls {
            Some(tls) => {
                let tls = crate::tls::config(tls).map_err(LinkError)?;
                config.ssl_mode(SslMode::Require);
                connect(&config, tokio_postgres_rustls::MakeRustlsConnect::new(tls)).await?
            }
            None => {
                config.ssl_mode(SslMode::Disable);
                connect(&config, NoTls).await?
            }
        };
        within(PATIENCE, prepare_tables(&mut client, schema)).await?;
        let query = format!("SELECT max(version) FROM \"{schema}\".openrtd_schema");
        let version: Option<i32> = within(PATIENCE, client.query_one(&query, &[])).await?.get(0);
        if version != Some(VERSION) {
            return Err(LinkError(format!(
                "{schema}.openrtd_schema has version {}, this program knows {VERSION}: nothing was changed",
                version.map_or_else(|| "none".to_owned(), |version| version.to_string())
            )));
        }
        let samples = within(PATIENCE, client.prepare(&SAMPLES.replace("{schema}", schema))).await?;
        let events = within(PATIENCE, client.prepare(&EVENTS.replace("{schema}", schema))).await?;
        Ok(Self { client, connection, site: text(&place.site), samples, events })
    }

    pub(crate) async fn samples(&mut self, samples: &[Sample]) -> Result<Taken, LinkError> {
        let entries = || samples.iter().map(|(_, entry)| entry);
        let points = || samples.iter().map(|(point, _)| point);
        let boots: Vec<i64> = entries().map(|entry| entry.origin.boot.cast_signed()).collect();
        let sequences: Vec<i64> = entries().map(|entry| entry.origin.sequence.cast_signed()).collect();
        let times: Vec<i64> = entries().map(|entry| millis(entry.time)).collect();
        let sources: Vec<Option<i64>> = entries().map(|entry| entry.source_time.map(millis)).collect();
        let ids: Vec<String> = points().map(|point| text(&point.id)).collect();
        let kinds: Vec<String> = points().map(|point| text(&point.kind)).collect();
        let values = entries().map(|entry| wire::finite(entry.value));
        let analogs: Vec<Option<f64>> = values.clone().map(|value| value.map(Value::as_f64)).collect();
        let states: Vec<Option<bool>> = values.map(|value| value.and_then(Value::as_bool)).collect();
        let units: Vec<Option<&str>> = points().map(|point| point.unit.as_deref()).collect();
        let qualities: Vec<String> = entries().map(|entry| entry.quality().to_string()).collect();
        let reasons: Vec<String> = entries().map(|entry| json(&wire::reasons(entry))).collect();
        let row: [&(dyn ToSql + Sync); 12] = [
            &self.site, &boots, &sequences, &times, &sources, &ids, &kinds, &analogs, &states, &units,
            &qualities, &reasons,
        ];
        let insert = self.client.execute(&self.samples, &row);
        Ok(taken(samples.len(), within(PATIENCE, insert).await?))
    }

    pub(crate) async fn events(&mut self, events: &[Logged]) -> Result<Taken, LinkError> {
        let boots: Vec<i64> = events.iter().map(|event| event.boot.cast_signed()).collect();
        let sequences: Vec<i64> = events.iter().map(|event| event.sequence).collect();
        let times: Vec<i64> = events.iter().map(|event| millis(event.time)).collect();
        let kinds: Vec<String> = events.iter().map(|event| text(&event.kind)).collect();
        let subjects: Vec<String> = events.iter().map(|event| text(&event.subject)).collect();
        let details: Vec<String> = events.iter().map(|event| json(&event.detail)).collect();
        let row: [&(dyn ToSql + Sync); 7] =
            [&self.site, &boots, &sequences, &times, &kinds, &subjects, &details];
        let insert = self.client.execute(&self.events, &row);
        Ok(taken(events.len(), within(PATIENCE, insert).await?))
    }
}

/// Makes what is not there. Where it is, no right is needed to make anything.
async fn prepare_tables(client: &mut Client, schema: &str) -> Result<(), tokio_postgres::Error> {
    let changes = client.transaction().await?;
    // Two devices that come at once do not make it both.
    changes.batch_execute("SELECT pg_advisory_xact_lock(1330795588)").await?;
    let (there, schema_there): (bool, bool) = {
        let question = "SELECT to_regclass($1) IS NOT NULL, to_regnamespace($2) IS NOT NULL";
        let row = changes.query_one(question, &[&format!("\"{schema}\".openrtd_schema"), &schema]).await?;
        (row.get(0), row.get(1))
    };
    if !schema_there {
        changes.batch_execute(&format!("CREATE SCHEMA \"{schema}\"")).await?;
    }
    if !there {
        changes.batch_execute(&TABLES.replace("{schema}", schema)).await?;
    }
    changes.commit().await
}

fn taken(sent: usize, new: u64) -> Taken {
    Taken { new, repeated: (sent as u64).saturating_sub(new), refused: 0, remote: 0 }
}

fn millis(time: Wall) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(MILLIS_MAX).min(MILLIS_MAX)
}

/// A text as PostgreSQL takes it: it has no NUL.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// JSON as PostgreSQL takes it: no text in it has a NUL.
fn json(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "null".to_owned(),
        value => without_nul(value.clone()).to_string(),
    }
}

fn without_nul(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::String(one) => Json::String(text(&one)),
        Json::Array(all) => Json::Array(all.into_iter().map(without_nul).collect()),
        Json::Object(all) => {
            Json::Object(all.into_iter().map(|(key, one)| (text(&key), without_nul(one))).collect())
        }
        other => other,
    }
}
