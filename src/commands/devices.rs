//! `gluepot devices`.

use super::{pretty, print};
use crate::cli::DevicesArgs;
use crate::failure::Outcome;
use crate::report::DeviceList;

/// Lists the devices that can train.
pub fn devices(arguments: &DevicesArgs) -> Outcome<()> {
    let devices = DeviceList::find();
    print(&if arguments.format.is_json() { pretty(&devices.json()) } else { devices.text() })
}
