//! The colours of the terminal, by their numbers in its table of 256.
//!
//! The first sixteen numbers are whatever a terminal's theme makes of them, and most are hard to read on a
//! light background or on a dark one. These are the same everywhere, and their contrast to black and to
//! white is at least 4.5 (WCAG 2, level AA).

/// The colour of success, and of the names of commands.
pub const GREEN: u8 = 29;
/// The colour of failure.
pub const RED: u8 = 131;
/// Words of the language.
pub const BLUE: u8 = 63;
/// Variables and constants.
pub const VIOLET: u8 = 98;
/// Text in quotes.
pub const MAGENTA: u8 = 163;
/// The colour of what matters less.
pub const GREY: u8 = 243;

/// All of them.
#[cfg(test)]
const ALL: [u8; 6] = [GREEN, RED, BLUE, VIOLET, MAGENTA, GREY];

#[cfg(test)]
mod tests {
    use super::*;

    /// Red, green and blue of a number: a cube of 6 × 6 × 6 behind the sixteen, then 24 greys.
    fn channels(number: u8) -> [u8; 3] {
        let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
        match number {
            16..=231 => {
                let place = number - 16;
                [level(place / 36), level(place / 6 % 6), level(place % 6)]
            }
            232.. => [8 + 10 * (number - 232); 3],
            _ => panic!("{number} is what the theme makes of it"),
        }
    }

    fn luminance(channels: [u8; 3]) -> f64 {
        let linear = channels.map(|channel| {
            let part = f64::from(channel) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    #[test]
    fn every_colour_is_legible_on_black_and_on_white() {
        for number in ALL {
            let luminance = luminance(channels(number));
            for (background, contrast) in
                [("black", (luminance + 0.05) / 0.05), ("white", 1.05 / (luminance + 0.05))]
            {
                assert!(contrast >= 4.5, "colour {number} has a contrast of {contrast:.2} to {background}");
            }
        }
    }
}
