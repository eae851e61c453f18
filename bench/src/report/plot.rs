//! How a plot is drawn.

use std::io;
use std::ops::Range;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::{
    BLACK, ChartBuilder, Color, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea, IntoLogRange,
    LineSeries, PathElement, RGBColor, SVGBackend, SeriesLabelPosition, WHITE,
};

/// A peer and its points.
pub(super) type Line = (&'static str, Vec<(f64, f64)>);

/// Lines over logarithmic axes.
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) x: Axis,
    pub(super) y: &'static str,
    pub(super) lines: Vec<Line>,
    pub(super) legend: SeriesLabelPosition,
}

#[derive(Clone)]
pub(super) struct Axis {
    pub(super) title: &'static str,
    /// The values that are labelled, in order; the first and the last are the ends.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Plot {
    pub(super) fn draw(&self, path: &Path) -> Result<()> {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        self.draw_on(&area)
            .map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
    }

    fn draw_on(
        &self,
        area: &DrawingArea<SVGBackend<'_>, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<io::Error>> {
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, ("sans-serif", 22))
            .margin(12)
            .margin_right(30)
            .x_label_area_size(48)
            .y_label_area_size(84)
            .build_cartesian_2d(self.x.clone(), self.range().log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc(self.x.title)
            .y_desc(self.y)
            .label_style(LABELS)
            .axis_desc_style(LABELS)
            .x_label_formatter(&|x| self.x.label(*x))
            .y_label_formatter(&|y| grouped(*y))
            .draw()?;
        for (peer, points) in &self.lines {
            let colour = colour(peer);
            chart
                .draw_series(
                    LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(2),
                )?
                .label(*peer)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .position(self.legend.clone())
            .label_font(LABELS)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        area.present()
    }

    /// Whole decades around all values.
    fn range(&self) -> Range<f64> {
        let values = self
            .lines
            .iter()
            .flat_map(|(_, points)| points)
            .map(|&(_, y)| y);
        let (low, high) = values.fold((f64::MAX, f64::MIN_POSITIVE), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        10_f64.powf(low.min(high).log10().floor())..10_f64.powf(high.log10().ceil())
    }
}

impl Axis {
    fn label(&self, value: f64) -> String {
        let tick = self.ticks.iter().find(|(x, _)| *x == value);
        tick.map_or_else(String::new, |(_, label)| label.clone())
    }
}

/// plotters' own logarithmic axes choose their ticks themselves.
impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (low, high): (i32, i32)) -> i32 {
        let ends = self.range();
        let part = (value / ends.start).ln() / (ends.end / ends.start).ln();
        let pixels = part * f64::from(high - low);
        // A place in a picture of some hundred pixels.
        #[expect(clippy::cast_possible_truncation, reason = "see above")]
        let pixels = pixels.round() as i32;
        low + pixels
    }

    fn key_points<H: KeyPointHint>(&self, _: H) -> Vec<f64> {
        self.ticks.iter().map(|&(x, _)| x).collect()
    }

    fn range(&self) -> Range<f64> {
        let end = |tick: Option<&(f64, String)>| tick.map_or(1.0, |&(x, _)| x);
        end(self.ticks.first())..end(self.ticks.last())
    }
}

fn colour(peer: &str) -> RGBColor {
    COLOURS
        .iter()
        .find(|(name, _)| *name == peer)
        .map_or(BLACK, |&(_, colour)| colour)
}

/// A rate or a latency on an axis.
fn grouped(value: f64) -> String {
    if value >= 1e6 {
        format!("{} million", value / 1e6)
    } else if value >= 1e3 {
        format!("{},000", value / 1e3)
    } else {
        format!("{value}")
    }
}

/// Ours in blues, the floor in greys, the others in warm colours.
pub(super) const COLOURS: &[(&str, RGBColor)] = &[
    ("std", RGBColor(190, 190, 190)),
    ("tokio", RGBColor(110, 110, 110)),
    ("linkspan-unix", RGBColor(0, 70, 200)),
    ("linkspan-unchecked", RGBColor(70, 150, 240)),
    ("linkspan-tcp", RGBColor(90, 60, 170)),
    ("linkspan-lz4", RGBColor(200, 150, 30)),
    ("linkspan-zstd", RGBColor(150, 100, 20)),
    ("linkspan-unix-tls", RGBColor(0, 110, 120)),
    ("linkspan-tls", RGBColor(130, 60, 140)),
    ("linkspan-tls-chacha", RGBColor(170, 110, 180)),
    ("linkspan-sealed", RGBColor(90, 130, 40)),
    ("linkspan-sealed-chacha", RGBColor(150, 180, 90)),
    ("linkspan-mem", RGBColor(0, 150, 140)),
    ("linkspan-interprocess", RGBColor(110, 180, 60)),
    ("linkspan-legacy", RGBColor(150, 100, 40)),
    ("std-frames", RGBColor(190, 190, 190)),
    ("tokio-frames", RGBColor(110, 110, 110)),
    ("exchange-tokio", RGBColor(0, 70, 200)),
    ("exchange-interprocess", RGBColor(110, 180, 60)),
    ("exchange-legacy", RGBColor(150, 100, 40)),
    ("echo", RGBColor(190, 190, 190)),
    ("std-socket", RGBColor(190, 190, 190)),
    ("std-command", RGBColor(110, 110, 110)),
    ("linkspan-daemon", RGBColor(0, 70, 200)),
    ("daemon-cli", RGBColor(230, 120, 0)),
    ("tarpc", RGBColor(230, 120, 0)),
    ("tonic", RGBColor(200, 30, 30)),
];
const LABELS: (&str, u32) = ("sans-serif", 16);
const SIZE: (u32, u32) = (860, 480);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers;

    #[test]
    fn every_peer_has_a_colour() {
        for entry in peers::ALL {
            assert!(
                COLOURS.iter().any(|(name, _)| *name == entry.name),
                "{}",
                entry.name
            );
        }
    }

    #[test]
    fn a_plot_spans_whole_decades() {
        let lines = vec![("tokio", vec![(1.0, 12.0), (2.0, 340.0)])];
        let x = Axis {
            title: "x",
            ticks: vec![(1.0, "1".to_owned()), (2.0, "2".to_owned())],
        };
        let plot = Plot {
            title: "t",
            x,
            y: "y",
            lines,
            legend: SeriesLabelPosition::UpperLeft,
        };
        let range = plot.range();
        assert!(
            (range.start - 10.0).abs() < 1e-9 && (range.end - 1000.0).abs() < 1e-9,
            "{range:?}"
        );
    }
}
