//! All terminal output goes through this module. Text from files, runs and servers is masked here, so that no name can move
//! the cursor, change the window's title or reverse the text direction; this program's own colors pass as [`Styled`].

mod bar;
mod mask;
mod output;
mod shorten;
mod suggest;
mod width;

pub use bar::{Bar, Bars, draws_bars};
pub use mask::{escaped_json, masked, masked_line};
pub use output::{Styled, complain, complain_over_a_bar, complain_styled, print, print_data, print_part, print_styled};
pub use shorten::{brief, listed};
pub use suggest::nearest;
pub use width::{Width, fitted, paragraph, shortened, width_of, wrapped};
