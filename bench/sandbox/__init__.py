"""What one execution of a candidate costs in the product's sandbox, and in simpler ones."""
