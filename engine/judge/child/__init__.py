"""What runs in the process of the judged code: started by its path, it imports nothing of deltagrad."""
