//! How a sheet looks that people are to fill: what stays in view, how wide columns are, where to write.

use rust_xlsxwriter::{Format, FormatAlign, FormatBorder, Worksheet, XlsxError};

use crate::Grid;

/// How a sheet is shown. A csv has none of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// The row of the header, from 0: it and what is above it stay in view.
    pub header: Option<usize>,
    /// Columns from the left that stay in view.
    pub kept: usize,
    /// Widths of columns from the left, in characters.
    pub widths: Vec<f64>,
    /// Columns, from 0, that somebody is to fill. What is entered there stays text: a spreadsheet makes 6.1 of a
    /// clause 6.10, and a date of pages 6-7.
    pub fill: Vec<usize>,
}

/// The number by which spreadsheets know the format of text.
const TEXT: u8 = 49;
const FILL: u32 = 0x00FF_F2CC;
const HEADER: u32 = 0x00E8_E8E8;

/// Dresses a sheet whose cells are written.
pub(crate) fn dress(sheet: &mut Worksheet, grid: &Grid, look: &Look) -> Result<(), String> {
    dressed(sheet, grid, look).map_err(|error| error.to_string())
}

fn dressed(sheet: &mut Worksheet, grid: &Grid, look: &Look) -> Result<(), XlsxError> {
    for (column, width) in look.widths.iter().enumerate() {
        sheet.set_column_width(u16::try_from(column).unwrap_or(u16::MAX), *width)?;
    }
    let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    let fill =
        wrapped.clone().set_num_format_index(TEXT).set_background_color(FILL).set_border(FormatBorder::Thin);
    let head = wrapped.clone().set_bold().set_background_color(HEADER).set_border(FormatBorder::Thin);
    let Some(header) = look.header else {
        return each(grid.rows.len(), look.widths.len(), |row, column| {
            sheet.set_cell_format(row, column, &wrapped).map(|_| ())
        });
    };
    let columns = grid.rows.get(header).map_or(0, Vec::len);
    each(grid.rows.len(), columns, |row, column| {
        let at = usize::try_from(row).unwrap_or(usize::MAX);
        let format = match at.cmp(&header) {
            std::cmp::Ordering::Less => return Ok(()),
            std::cmp::Ordering::Equal => &head,
            std::cmp::Ordering::Greater if look.fill.contains(&usize::from(column)) => &fill,
            std::cmp::Ordering::Greater => &wrapped,
        };
        sheet.set_cell_format(row, column, format).map(|_| ())
    })?;
    let below = u32::try_from(header.saturating_add(1)).unwrap_or(u32::MAX);
    sheet.set_freeze_panes(below, u16::try_from(look.kept).unwrap_or(0))?;
    Ok(())
}

fn each(
    rows: usize,
    columns: usize,
    mut put: impl FnMut(u32, u16) -> Result<(), XlsxError>,
) -> Result<(), XlsxError> {
    let (rows, columns) = (u32::try_from(rows).unwrap_or(0), u16::try_from(columns).unwrap_or(0));
    (0..rows).try_for_each(|row| (0..columns).try_for_each(|column| put(row, column)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cell, Limits, from_octets, xlsx_octets_with};

    #[test]
    fn a_look_changes_nothing_that_is_read_and_makes_text_of_what_is_filled() {
        let mut grid = Grid::new("Worksheet");
        grid.rows = vec![
            vec!["title".into()],
            vec!["id".into(), "value".into(), "clause".into()],
            vec!["a".into(), 4000.0.into(), Cell::Empty],
            vec!["b".into(), Cell::Empty, "6.10".into()],
        ];
        let look = Look { header: Some(1), kept: 1, widths: vec![30.0, 10.0], fill: vec![2] };
        let octets =
            xlsx_octets_with(&[(Grid::new("Read me"), Look::default()), (grid.clone(), look)]).unwrap();
        let book = from_octets("w.xlsx".as_ref(), &octets, &Limits::default()).unwrap();
        assert_eq!(book.grids.len(), 2);
        for (row, cells) in grid.rows.iter().enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                assert_eq!(book.grids[1].cell(row, column), cell);
            }
        }
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(octets)).unwrap();
        let mut part = |name: &str| std::io::read_to_string(archive.by_name(name).unwrap()).unwrap();
        let sheet = part("xl/worksheets/sheet2.xml");
        assert!(sheet.contains(r#"<pane xSplit="1" ySplit="2" topLeftCell="B3""#), "{sheet}");
        assert!(part("xl/styles.xml").contains(r#"numFmtId="49""#));
    }
}
