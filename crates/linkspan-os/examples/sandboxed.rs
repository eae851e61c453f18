//! Launches a program at a level, shows what was really applied, what it wrote and how it ended.
//!
//! `cargo run -p linkspan-os --example sandboxed -- strict /usr/bin/python3 -c "print('hello')"`

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant};

use linkspan_os::sandbox::{Descriptor, Launch, Level, Program};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = env::args_os().skip(1);
    let (Some(level), Some(path)) = (words.next(), words.next()) else {
        return Err("which level (none, basic, strict), and which program?".into());
    };
    let levels = [Level::None, Level::Basic, Level::Strict];
    let level = levels
        .into_iter()
        .find(|known| *known.to_string() == *level);
    let began = Instant::now();
    let mut launch = Launch::new(Program::open(path)?, level.ok_or("there is no such level")?);
    launch.arguments = words.collect();
    launch.limits.memory_bytes = Some(256 << 20);
    launch.limits.processes = Some(32);
    let mut running = launch.start()?;
    print(&format!("launched within {:?}", began.elapsed()));
    print(&format!("{:#?}", running.applied()));
    for weakness in &running.applied().weaknesses {
        print(&format!("weaker: {weakness}"));
    }
    let output = running.take_output().ok_or("its output is taken once")?;
    let stderr = thread::spawn(move || read(output.stderr));
    print(&read(output.stdout)?);
    print(&stderr.join().map_err(|_| "reading failed")??);
    let exit = running.wait(Instant::now() + Duration::from_secs(10))?;
    print(&exit.map_or_else(|| "it goes on".to_owned(), |exit| exit.to_string()));
    Ok(())
}

fn read(output: Descriptor) -> io::Result<String> {
    let mut text = String::new();
    File::from(output).read_to_string(&mut text)?;
    Ok(text)
}

#[expect(clippy::print_stdout, reason = "it is a program")]
fn print(text: &str) {
    println!("{text}");
}
