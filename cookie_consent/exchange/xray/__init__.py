"""The x-ray: shows the owner of the site what is held on a page, why, and which line of the policy would change it."""
