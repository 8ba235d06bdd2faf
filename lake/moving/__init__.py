"""From one archive to another: what is to travel, how it is carried, and the proof that it arrived."""
