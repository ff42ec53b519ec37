"""What channels may ask of the business: reads only, each a plain function of a reader."""
