//! x
mod config;
fn main(){ let l = config::load(std::env::args().nth(1).as_deref().map(std::path::Path::new)); match l { Ok(l) => { for (p,v,o) in l.values() { println!("{p} = {v}   # {o}"); } println!("{:?}", l.config.address()); }, Err(e) => println!("{}\n{e}", e.render(false)) } }
