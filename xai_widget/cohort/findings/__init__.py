"""What many maps say together: statistics, regions, representatives, kinds."""
