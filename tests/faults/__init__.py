"""What is left of letters when processes are killed and servers go away: `script/faults`."""
