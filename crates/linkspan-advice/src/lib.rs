//! What the compiler says about wrong services is tested beside this, and nothing else.
