"""The load of wrk that switches between services that are all alive: a run of wrk is a slice."""
