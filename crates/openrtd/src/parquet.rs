//! `openrtd history --format parquet`: a point's entries for those who analyse history with other tools.

use std::path::Path;
use std::sync::Arc;

use historian::{Entry, Range, Reader, Recorded};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use telemetry::Wall;

use crate::exit::Failure;
use crate::history::failure;

/// Entries of a row group: what is in memory at once.
const GROUP: usize = 65_536;

const SCHEMA: &str = "message openrtd {
    required int64 time (TIMESTAMP(MILLIS, true));
    optional int64 source_time (TIMESTAMP(MILLIS, true));
    optional double value;
    optional binary unit (STRING);
    required binary quality (STRING);
    required binary reasons (STRING);
    required int64 boot;
    required int64 sequence;
}";

/// Writes the entries of `range` to `file`, which is there as a whole or not at all.
pub(crate) fn write(reader: &Reader, point: &Recorded, range: Range, file: &Path) -> Result<(), Failure> {
    let told = |error: &dyn std::fmt::Display| Failure::Failed(format!("{}: {error}", file.display()));
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = tempfile::NamedTempFile::new_in(folder).map_err(|error| told(&error))?;
    let schema = Arc::new(parse_message_type(SCHEMA).map_err(|error| told(&error))?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer =
        SerializedFileWriter::new(temporary, schema, Arc::new(properties)).map_err(|error| told(&error))?;
    let mut entries = reader.entries(point, range);
    loop {
        let rows: Vec<Entry> = entries.by_ref().take(GROUP).collect::<Result<_, _>>().map_err(failure)?;
        if rows.is_empty() {
            break;
        }
        group(&mut writer, point, &rows).map_err(|error| told(&error))?;
    }
    let temporary = writer.into_inner().map_err(|error| told(&error))?;
    temporary.persist(file).map_err(|error| told(&error))?;
    Ok(())
}

fn group(
    writer: &mut SerializedFileWriter<tempfile::NamedTempFile>,
    point: &Recorded,
    rows: &[Entry],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    let mut at = 0;
    while let Some(column) = group.next_column()? {
        let each = || rows.iter();
        match at {
            0 => must::<Int64Type>(column, each().map(|row| millis(row.time))),
            1 => may::<Int64Type>(column, each().map(|row| row.source_time.map(millis))),
            2 => {
                let finite =
                    |row: &Entry| row.value.map(telemetry::Value::as_f64).filter(|one| one.is_finite());
                may::<DoubleType>(column, each().map(finite))
            }
            3 => may::<ByteArrayType>(column, each().map(|_| point.unit.as_deref().map(text))),
            4 => must::<ByteArrayType>(column, each().map(|row| text(&row.quality().to_string()))),
            5 => {
                let reasons = |row: &Entry| {
                    let all: Vec<String> = row.reasons.iter().map(ToString::to_string).collect();
                    text(&all.join("; "))
                };
                must::<ByteArrayType>(column, each().map(reasons))
            }
            6 => must::<Int64Type>(column, each().map(|row| row.origin.boot.cast_signed())),
            _ => must::<Int64Type>(column, each().map(|row| row.origin.sequence.cast_signed())),
        }?;
        at += 1;
    }
    group.close()?;
    Ok(())
}

fn must<T: DataType>(
    mut column: SerializedColumnWriter<'_>,
    cells: impl Iterator<Item = T::T>,
) -> Result<(), ParquetError> {
    let cells: Vec<T::T> = cells.collect();
    column.typed::<T>().write_batch(&cells, None, None)?;
    column.close()
}

fn may<T: DataType>(
    mut column: SerializedColumnWriter<'_>,
    cells: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let cells: Vec<Option<T::T>> = cells.collect();
    let known: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let cells: Vec<T::T> = cells.into_iter().flatten().collect();
    column.typed::<T>().write_batch(&cells, Some(&known), None)?;
    column.close()
}

fn text(text: &str) -> ByteArray {
    text.as_bytes().to_vec().into()
}

fn millis(time: Wall) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
