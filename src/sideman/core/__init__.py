"""What every room needs: errors, atomic files, progress, paths, processes."""
